import Damage
import SystemPackage
import Testing

@testable import QubeCompatibility

@Suite("Damaged files")
struct MutationTests {
    private static let valid = """
        # a worker
        proxy_execution_mode = proxy
        proxy_account = render # c
        proxy_password = "06dee4e09a917474"
        worker_host_domain = MyCorp
        minimum_uid = 1000
        denied_accounts = alice, bob
        worker_path_map = {
         "\\\\" : "/",
         "X:/project" : "/Volumes/x",
        }
        worker_properties = host.owner="dude",host.maya=1
        state = sqlite:///var/lib/impersonation/state.db
        audit_log = /var/log/jobs.jsonl

        """

    /// Bytes with a meaning in the syntax, and some that have none anywhere.
    private static let interesting = Array("\n\r\t \"'#={}[]:$\\_,0aZ@+".utf8) + [0x00, 0x1B, 0x7F, 0xC3, 0xA9, 0xFF]

    @Test(
        "Ten thousand of them give a configuration or an error, every diagnostic with a line of the file",
        arguments: [1, 2, 3, 4]
    )
    func damaged(seed: UInt64) throws {
        var generator = ByteDamage(seed: seed)
        let original = Array(Self.valid.utf8)
        #expect(try load(Self.valid).diagnostics.isEmpty)
        var loaded = 0
        var refused = 0
        var complaints: [String] = []
        for count in 0..<2_500 {
            let text = String(decoding: generator.damage(original, with: Self.interesting), as: UTF8.self)
            let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).count
            var found: [ConfigurationDiagnostic] = []
            do {
                let result = try load(text)
                found = result.diagnostics
                loaded += 1
                if found.contains(where: { $0.severity == .error }) { complaints.append("error: \(text)") }
                if count % 16 == 0, try !load(result.configuration.rendered()).diagnostics.isEmpty {
                    complaints.append("rendering: \(text)")
                }
            } catch {
                found = error.diagnostics
                refused += 1
                if !found.contains(where: { $0.severity == .error }) { complaints.append("no error: \(text)") }
            }
            let places = found.map { $0.line ?? 0 }
            if !places.allSatisfy((1...lines).contains) { complaints.append("line: \(text)") }
            if places != places.sorted() { complaints.append("order: \(text)") }
            if !found.map(\.description).joined().unicodeScalars.allSatisfy(\.isVisibleOrSpace) {
                complaints.append("unprintable: \(text)")
            }
        }
        #expect(complaints.isEmpty)
        #expect(loaded > 100)
        #expect(refused > 100)
    }
}
