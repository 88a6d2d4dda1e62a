import SystemPackage
import Testing

@testable import QubeCompatibility

/// SplitMix64: the same numbers from the same seed on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

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

    private func mutate(_ bytes: [UInt8], with generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let index = bytes.isEmpty ? 0 : Int.random(in: 0..<bytes.count, using: &generator)
            let byte = Self.interesting.randomElement(using: &generator) ?? 0
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes.insert(byte, at: index)
            case 1 where !bytes.isEmpty: bytes.remove(at: index)
            case 2 where !bytes.isEmpty: bytes[index] = byte
            case 3 where !bytes.isEmpty: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 4: bytes.removeSubrange(index..<min(bytes.count, index + 40))
            default: bytes.insert(contentsOf: bytes[index..<min(bytes.count, index + 40)], at: index)
            }
        }
        return bytes
    }

    @Test(
        "Ten thousand of them give a configuration or an error, every diagnostic with a line of the file",
        arguments: [1, 2, 3, 4]
    )
    func damaged(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let original = Array(Self.valid.utf8)
        #expect(try load(Self.valid).diagnostics.isEmpty)
        var loaded = 0
        var refused = 0
        var complaints: [String] = []
        for count in 0..<2_500 {
            let text = String(decoding: mutate(original, with: &generator), as: UTF8.self)
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
