import Impersonation
import Synchronization

/// A password for one use: whoever takes it has it alone.
final class SinglePassword: Sendable {
    private let secret: Mutex<Secret?>

    /// Takes a password over.
    init(_ secret: consuming Secret) {
        self.secret = Mutex(consume secret)
    }

    /// The password, or `nil` when somebody has taken it before.
    func take() -> Secret? {
        secret.withLock { $0.take() }
    }
}
