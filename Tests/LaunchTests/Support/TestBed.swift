import Glibc
import SystemPackage
import Testing

@testable import LaunchPlan

/// The machine the tests run on: `Scripts/testbed` with its accounts, or a plain host.
enum TestBed {
    /// Whether the tests run inside `Scripts/testbed`, as root and with the accounts of `Scripts/testbed.d/etc`.
    static let isActive = variable("IMPERSONATION_TEST_BED") == "1" && geteuid() == 0

    /// Whether root of the bed is root of the machine, and not just of a user namespace.
    ///
    /// Some privileges exist on the machine alone, for example `CAP_SYS_NICE` for a negative nice value.
    static let hasMachineRoot = isActive && variable("IMPERSONATION_TEST_BED_ROOT") == "machine"

    /// The directory that belongs to the bed.
    static let directory = variable("IMPERSONATION_TEST_BED_DIR") ?? "/nonexistent"

    /// The probe program, which every account can execute.
    ///
    /// The bed compiles it itself: an executable of this package would carry the Swift runtime, whose signal handlers
    /// and descriptors are none of a job's business.
    static let probe = variable("IMPERSONATION_PROBE") ?? "/nonexistent"

    /// Where the jobs of tests may have cgroups; an ordinary user's bed has no such place.
    static let controlGroups = FilePath(variable("IMPERSONATION_TEST_BED_CGROUP") ?? "")

    /// Whether those can be limited: where the controllers belong to cgroup v2 and are handed down to the bed.
    static let hasControllers: Bool = {
        guard !controlGroups.isEmpty, let text = try? ProcFile.read(controlGroups.appending("cgroup.controllers"))
        else { return false }
        return ["cpu", "memory", "pids"].allSatisfy { text.split { $0.isWhitespace }.contains(Substring($0)) }
    }()

    /// Whether the kernel is the tests' own, so that what holds for the whole machine may be set: `Scripts/machine`.
    static let hasOwnKernel = isActive && variable("IMPERSONATION_MACHINE") == "1"

    /// An account of the bed by its numbers.
    struct Person: Sendable, CustomTestStringConvertible {
        let name: String
        let userID: UInt32
        let groupID: UInt32
        /// Every group including the primary one, ascending.
        let groups: [UInt32]
        let home: String

        var testDescription: String { name }

        init(_ name: String, userID: UInt32, groupID: UInt32, others: [UInt32] = [], home: String? = nil) {
            self.name = name
            self.userID = userID
            self.groupID = groupID
            self.groups = Set(others + [groupID]).sorted()
            self.home = home ?? "/bed/home/\(name)"
        }
    }

    static let alice = Person("alice", userID: 2001, groupID: 2001, others: [3001, 3002])
    static let bob = Person("bob", userID: 2002, groupID: 2002)
    static let carol = Person("carol", userID: 2003, groupID: 2003, others: [3001])
    static let manyGroups = Person("manygroups", userID: 2006, groupID: 2006, others: Array(20_001...21_200))
    static let proxy = Person("qubeproxy", userID: 2100, groupID: 2100, others: [3003])
    static let renderUser = Person(
        "render_user",
        userID: 2101,
        groupID: 2101,
        others: [3001, 3002, 3003] + Array(3101...3120)
    )
    static let domainUser = Person(
        #"MYCORP\someuser"#,
        userID: 11_103,
        groupID: 10_513,
        others: [11_104],
        home: "/bed/home/mycorp-someuser"
    )

    /// Accounts that differ in what a launcher must get right.
    static let people = [alice, bob, carol, manyGroups, proxy, renderUser, domainUser]

    static func variable(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else {
            return nil
        }
        return unsafe String(cString: value)
    }
}

extension Trait where Self == ConditionTrait {
    /// Runs the test only as root with the accounts of the test bed.
    ///
    /// `make test` provides both and counts a skip as a failure.
    static var testBed: Self {
        .enabled(if: TestBed.isActive, "needs root and the accounts of the test bed: make test")
    }

    /// Runs the test only where the bed has a directory of cgroup v2 for it; the bed of an ordinary user has none.
    static var controlGroups: Self {
        .enabled(if: !TestBed.controlGroups.isEmpty, "needs a directory of cgroup v2, which root can make: make test")
    }

    /// Runs the test only where jobs can have limits; elsewhere `make test` starts a machine that has the controllers.
    static var controllers: Self {
        .enabled(if: TestBed.hasControllers, "needs the controllers cpu, memory and pids of cgroup v2: Scripts/machine")
    }

    /// Runs the test only where settings of the kernel may be changed, which are those of everybody on the machine.
    static var ownKernel: Self {
        .enabled(if: TestBed.hasOwnKernel, "needs a kernel of its own: Scripts/machine")
    }
}
