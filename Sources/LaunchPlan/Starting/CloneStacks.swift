import CLaunchPlan
import Synchronization

/// Stacks for clone children, kept for the next launch: mapping one costs as much as four percent of a launch.
@safe
final class CloneStacks: Sendable {
    @safe
    private struct Stack: @unchecked Sendable {
        let base: UnsafeMutableRawPointer
    }

    private static let kept = 16
    private let free = Mutex<[Stack]>([])

    /// The stacks of this process.
    static let shared = CloneStacks()

    /// Lends a stack for as long as a closure runs; only one child uses it.
    ///
    /// - Parameter body: What needs the stack.
    /// - Returns: What the closure returns, or `nil` when there is no memory for a stack.
    func withStack<R>(_ body: (UnsafeMutableRawPointer) -> R) -> R? {
        let kept = free.withLock { $0.popLast() }
        guard let base = unsafe kept?.base ?? launch_stack_create() else { return nil }
        let result = unsafe body(base)
        let isKept = free.withLock { free in
            guard free.count < Self.kept else { return false }
            unsafe free.append(Stack(base: base))
            return true
        }
        if !isKept { unsafe launch_stack_destroy(base) }
        return result
    }
}
