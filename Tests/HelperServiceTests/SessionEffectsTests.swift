import LaunchPlan
import LaunchProtocol
import SystemPackage
import Testing

@testable import HelperService

@Suite("What a session gives the jobs in it")
struct SessionEffectsTests {
    private func effects(_ variables: [String]) -> SessionEffects {
        SessionEffects(
            before: .current(),
            after: .current(),
            addedGroups: [],
            variables: variables.map { Array($0.utf8) },
            messages: []
        )
    }

    /// The variables of a job that has one anyway.
    private func given(_ effects: SessionEffects, whereRestricted permitted: Set<String>? = nil) -> [String] {
        let order = LaunchOrder(
            account: Array("alice".utf8),
            credentials: ChildPlan.Credentials(userID: 2_001, groupID: 2_001, groups: [2_001]),
            executables: ["/bin/true"],
            arguments: [Array("true".utf8)],
            environment: [Array("OWN=1".utf8)],
            workingDirectory: "/",
            fileModeCreationMask: 0o022,
            resourceLimits: [],
            noNewPrivileges: true,
            emptiesBoundingSet: true,
            startDeadlineMilliseconds: 10_000
        )
        return effects.applied(to: order, whereRestricted: permitted).environment.dropFirst()
            .map { String(decoding: $0, as: UTF8.self) }
    }

    private static let many = (0..<256).map { "V\($0)=x" }
    private static let huge = String(repeating: "x", count: 1 << 16)

    /// Those that no job gets, or not from a session.
    private static let refused: [(String, [String])] = [
        ("by which a loader is made to obey", (0..<300).map { "LD_V\($0)=x" } + ["LD_PRELOAD=\(huge)"]),
        ("of the account", ["PATH=\(huge)", "HOME=\(huge)"]),
        ("a shell's functions", ["BASH_FUNC_f%%=() { \(huge); }", "F=() { \(huge); }"]),
        ("without a name", ["=\(huge)", "1\(huge)=x", huge]),
    ]

    @Test("is no more than 256 variables, which are counted without those that no job gets", arguments: refused)
    func others(_ kind: String, _ others: [String]) {
        let full = effects(others + Self.many)
        #expect(given(full) == Self.many, "\(kind)")
        #expect(!full.hasTooManyVariables(whereRestricted: nil), "\(kind)")
        let over = effects(others + Self.many + ["OVER=1"])
        #expect(given(over) == Self.many)
        #expect(over.hasTooManyVariables(whereRestricted: nil))
    }

    @Test("is no more than 64 KiB of them, each with the zero behind it")
    func size() {
        let whole = ["V=" + String(repeating: "x", count: (1 << 16) - 3)]
        #expect(given(effects(whole)) == whole)
        #expect(!effects(whole).hasTooManyVariables(whereRestricted: nil))
        let larger = whole.map { $0 + "x" }
        #expect(given(effects(larger + ["W=1"])) == [])
        #expect(effects(larger).hasTooManyVariables(whereRestricted: nil))
    }

    @Test("has each name once, and none that the job has anyway")
    func names() {
        #expect(given(effects(["OWN=\(Self.huge)", "A=1", "A=2", "B=3"])) == ["A=1", "B=3"])
        #expect(!effects(Self.many + Self.many).hasTooManyVariables(whereRestricted: nil))
    }

    @Test("is counted by what the policy permits where only certain programs are permitted")
    func restricted() {
        let session = effects(Self.many + ["OVER=\(Self.huge)", "SHOT=1", "LANG=C"])
        #expect(given(session, whereRestricted: ["SHOT"]) == ["SHOT=1", "LANG=C"])
        #expect(!session.hasTooManyVariables(whereRestricted: ["SHOT"]))
        #expect(session.hasTooManyVariables(whereRestricted: nil))
    }
}
