import Damage
import LaunchPlan
import Testing

@testable import Impersonation

@Suite("A damaged file of the kernel or the system")
struct SmallFileDamageTests {
    private static let blanks = Array("\n:\t \r#.-+p0123456789".utf8) + [0x00, 0x1D, 0xCC, 0x81, 0xE4, 0xFF]

    private func damage(
        _ samples: [[UInt8]],
        seed: UInt64,
        _ complaint: ([UInt8]) -> String?
    ) throws {
        var generator = ByteDamage(seed: seed)
        for sample in samples {
            let complaint = complaint(sample)
            try #require(complaint == nil, "\(complaint ?? ""): \(String(decoding: sample, as: UTF8.self))")
        }
        for _ in 0..<20_000 {
            let original = try #require(samples.randomElement(using: &generator))
            let bytes = generator.damage(original, with: Self.blanks)
            let complaint = complaint(bytes)
            try #require(complaint == nil, "\(complaint ?? ""): \(bytes)")
        }
    }

    @Test("makes nobody of a process but who it is, in 20,000 of them")
    func status() throws {
        try damage(StatusOracle.samples, seed: 61, StatusOracle.complaint)
    }

    @Test("has nobody ask the name service whom the user namespace does not have, in 20,000 of them")
    func identifierMaps() throws {
        try damage(IdentifierMapOracle.samples, seed: 62, IdentifierMapOracle.complaint)
    }

    @Test("gives terminals to no other group, in 20,000 of them")
    func terminalGroup() throws {
        try damage(TerminalGroupOracle.samples, seed: 63, TerminalGroupOracle.complaint)
    }

    @Test("names no version that it is not, in 20,000 of them")
    func versions() throws {
        try damage(VersionOracle.samples, seed: 64, VersionOracle.complaint)
    }

    @Test("is read as it is where it is whole")
    func whole() throws {
        let text = String(decoding: StatusOracle.samples[0], as: UTF8.self)
        let fields = OutsideProof.fields(of: text)
        let proof = OutsideProof(
            credentials: ChildPlan.Credentials(userID: 1_000, groupID: 5, groups: [4, 24]),
            emptyBoundingSet: true
        )
        #expect(proof.identityDifference(in: fields, comparingGroups: true) == nil)
        #expect(proof.capabilityDifference(in: fields) == nil)
        for (line, other) in [
            ("Uid:\t1000\t1000\t1000\t1000", "Uid:\t1000\t1000\t0\t1000"), ("Uid:", "uid:"),
            ("Groups:\t4 24", "Groups:\t4 x 24"),
            ("Groups:\t4 24", "Groups:\t4 24 27"), ("Gid:", "Uid:\t1000\t1000\t1000\t1000\nGid:"),
        ] {
            let fields = OutsideProof.fields(of: text.replacing(line, with: other))
            #expect(proof.identityDifference(in: fields, comparingGroups: true) != nil, "\(other)")
        }
        for (line, other) in [
            ("CapEff:\t00", "CapEff:\t01"), ("CapBnd:", "CapBND:"), ("CapAmb:\t0000000000000000", "CapAmb:"),
            ("CapInh:\t0000000000000000", "CapInh:\t0 1"),
        ] {
            #expect(proof.capabilityDifference(in: OutsideProof.fields(of: text.replacing(line, with: other))) != nil)
        }
        #expect(
            TerminalGroupOracle.samples.map {
                TerminalPlumbing.groupID(inGroupFile: String(decoding: $0, as: UTF8.self))
            } == [5, nil, 9, nil]
        )
        let told = ["6.15.0-rc1", "6.14.11+deb13-amd64", "10.1", "6.150", "6", "", "x6.18.2"]
            .map { KernelsWord.tellsEnds($0) }
        #expect(told == [true, false, true, true, false, false, false])
    }
}
