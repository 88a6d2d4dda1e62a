import CLaunchPlan
import SystemPackage

/// A child plan as the C interpreter reads it: one flat buffer without pointers.
///
/// Layout: `struct launch_plan`, then one `struct launch_operation` for each operation, then the group ids and the
/// strings they refer to by offset. See `launch_plan.h`.
package struct EncodedPlan: Sendable {
    /// How the plan is meant to be run; each kind has requirements of its own that the interpreter insists on.
    package enum Kind: Sendable {
        case isolated
        case direct
        case keepAccount
        case switched
        case bootstrap

        fileprivate var code: UInt32 {
            switch self {
            case .isolated: LAUNCH_KIND_ISOLATED.rawValue
            case .direct: LAUNCH_KIND_DIRECT.rawValue
            case .keepAccount: LAUNCH_KIND_KEEP_ACCOUNT.rawValue
            case .switched: LAUNCH_KIND_SWITCHED.rawValue
            case .bootstrap: LAUNCH_KIND_BOOTSTRAP.rawValue
            }
        }
    }

    /// The buffer.
    ///
    /// It is aligned as the operations need by whoever copies it.
    package private(set) var bytes: [UInt8] = []

    /// How the plan is meant to be run.
    package let kind: Kind

    private static let headerSize = MemoryLayout<launch_plan>.size
    private static let operationSize = MemoryLayout<launch_operation>.size

    /// Encodes operations.
    ///
    /// - Parameters:
    ///   - operations: What the child does, in this order.
    ///   - kind: How the plan is meant to be run.
    /// - Throws: When the plan is larger than the interpreter reads.
    package init(_ operations: [ChildOperation], kind: Kind) throws(PlanTooLarge) {
        self.kind = kind
        var tail: [UInt8] = []
        let tailStart = Self.headerSize + operations.count * Self.operationSize
        var encoded: [launch_operation] = []
        encoded.reserveCapacity(operations.count)

        for operation in operations {
            var a: UInt64 = 0
            var b: UInt64 = 0
            var c: UInt64 = 0
            switch operation {
            case .unshareDescriptors(let first), .sealDescriptors(let first), .moveDescriptors(let first):
                a = UInt64(UInt32(bitPattern: first))
            case .closeDescriptors(let first, let atOnce):
                a = UInt64(UInt32(bitPattern: first))
                b = atOnce ? 1 : 0
            case .placeDescriptor(let source, let target):
                a = UInt64(UInt32(bitPattern: source))
                b = UInt64(UInt32(bitPattern: target))
            case .controllingTerminal(let terminal):
                a = UInt64(UInt32(bitPattern: terminal))
            case .ownTerminal(let terminal, let user, let group, let mode):
                a = UInt64(UInt32(bitPattern: terminal))
                b = UInt64(group) << 32 | UInt64(user)
                c = UInt64(mode.rawValue)
            case .tieToParent(let parent, let signal):
                a = UInt64(UInt32(bitPattern: parent))
                b = UInt64(UInt32(bitPattern: signal))
            case .keepCapabilities(let mask):
                a = mask
            case .executeTrampoline(let descriptor), .joinControlGroup(let descriptor):
                a = UInt64(UInt32(bitPattern: descriptor))
            case .niceness(let value):
                a = UInt64(bitPattern: Int64(value))
            case .limit(let resource, let soft, let hard):
                (a, b, c) = (UInt64(UInt32(bitPattern: resource)), soft, hard)
            case .setGroups(let groups), .verifyGroups(let groups):
                a = Self.append(groups, to: &tail, startingAt: tailStart)
                b = UInt64(groups.count)
            case .setGroupID(let group), .verifyGroupID(let group):
                a = UInt64(group)
            case .setEffectiveUserID(let user), .setUserID(let user), .verifyUserID(let user):
                a = UInt64(user)
            case .verifyNoRegain(let user, let group):
                a = UInt64(user)
                b = UInt64(group)
            case .setFileModeCreationMask(let mask):
                a = UInt64(mask.rawValue)
            case .enterDirectory(let path, let fallback):
                a = Self.append([path], to: &tail, startingAt: tailStart)
                if let fallback {
                    b = Self.append([fallback], to: &tail, startingAt: tailStart)
                }
            case .openStream(let path, let flags, let mode, let target):
                a = Self.append([path], to: &tail, startingAt: tailStart)
                b = UInt64(UInt32(bitPattern: flags))
                c = UInt64(mode.rawValue) << 32 | UInt64(UInt32(bitPattern: target))
            case .execute(let paths):
                a = Self.append(paths, to: &tail, startingAt: tailStart)
                b = UInt64(paths.count)
            case .resetSignals, .newSession, .defaultScheduling, .defaultIOPriority, .resetOOMScore,
                .joinSessionKeyring, .emptyBoundingSet, .emptyAmbientSet, .emptyInheritableSet, .emptyCapabilities,
                .notDumpable, .noNewPrivileges, .verifyCapabilities, .verifyNoNewPrivileges, .commit, .report,
                .emptySignalMask:
                break
            }
            encoded.append(launch_operation(step: operation.step.rawValue, reserved: 0, a: a, b: b, c: c))
        }

        let size = tailStart + tail.count
        guard size <= Int(LAUNCH_PLAN_MAXIMUM_SIZE) else {
            throw PlanTooLarge(size: size)
        }
        let header = launch_plan(
            magic: LAUNCH_PLAN_MAGIC,
            version: LAUNCH_PLAN_VERSION,
            size: UInt32(size),
            kind: kind.code,
            operation_count: UInt32(encoded.count),
            reserved: 0
        )
        bytes.reserveCapacity(size)
        unsafe withUnsafeBytes(of: header) { unsafe bytes.append(contentsOf: $0) }
        unsafe encoded.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: tail)
    }

    private static func append(_ groups: [UInt32], to tail: inout [UInt8], startingAt start: Int) -> UInt64 {
        while (start + tail.count) % MemoryLayout<UInt32>.alignment != 0 { tail.append(0) }
        let offset = start + tail.count
        unsafe groups.withUnsafeBytes { unsafe tail.append(contentsOf: $0) }
        return UInt64(offset)
    }

    private static func append(
        _ paths: [FilePath],
        to tail: inout [UInt8],
        startingAt start: Int
    ) -> UInt64 {
        let offset = start + tail.count
        for path in paths {
            unsafe path.withPlatformString { characters in
                let bytes = unsafe UnsafeRawBufferPointer(start: characters, count: path.length + 1)
                unsafe tail.append(contentsOf: bytes)
            }
        }
        return UInt64(offset)
    }
}

/// A plan has more groups and longer paths than the interpreter reads.
package struct PlanTooLarge: Error {
    package let size: Int

    /// What happened and what to do about it.
    package var message: String {
        "groups, paths and limits of the job take \(size) bytes, more than the \(LAUNCH_PLAN_MAXIMUM_SIZE) a plan may "
            + "have; shorten the paths or the search path"
    }
}
