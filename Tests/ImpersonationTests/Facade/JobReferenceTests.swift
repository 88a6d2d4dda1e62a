import Damage
import Foundation
import Impersonation
import LaunchPlan
import Testing

@Suite("A reference to a job, written down")
struct JobReferenceTests {
    private static let whole = JobReference(
        processID: 4_242,
        startTime: 987_654_321,
        bootID: "0e1ff5b6-7a7b-4d3e-8f6a-3f0f6b1f2f1a",
        userID: 2_001,
        mayGainPrivileges: false,
        controlGroup: "/sys/fs/cgroup/farm/job-1-x",
        adoptionSocket: "/run/adoptions/job-1.sock",
        processNamespace: 4_026_531_836,
        timeNamespace: 4_026_531_834
    )

    @Test("is read as it was written")
    func roundTrip() throws {
        for reference in [Self.whole, JobReference(processID: 2, startTime: .max, bootID: "")] {
            let written = try JSONEncoder().encode(reference)
            #expect(try JSONDecoder().decode(JobReference.self, from: written) == reference)
        }
    }

    @Test("is another reference or an error when it was damaged")
    func damaged() throws {
        var generator = ByteDamage(seed: 48)
        let original = Array(try JSONEncoder().encode(Self.whole))
        var read = 0
        for _ in 0..<10_000 {
            let bytes = generator.damage(original, with: Array("{}[]\",:\\0-1eu".utf8) + [0x00, 0xC3, 0xFF])
            guard let reference = try? JSONDecoder().decode(JobReference.self, from: Data(bytes)) else { continue }
            read += 1
            let written = try JSONEncoder().encode(reference)
            try #require(try JSONDecoder().decode(JobReference.self, from: written) == reference, "\(bytes)")
        }
        #expect(read > 100)
        #expect(read < 9_900)
    }

    @Test("names a process that was started then, and no other, whatever was made of it")
    func numbers() async throws {
        for (process, start) in [(Int32(0), UInt64(0)), (-1, 1), (.min, .max), (1, 0), (.max, .max)] {
            let reference = JobReference(processID: process, startTime: start, bootID: ProcessStart.bootID)
            let error = await #expect(throws: LaunchError.self) {
                try await SetUIDLauncher().adopt(reference, as: Sample.identity())
            }
            #expect(error?.code == .statusLost, "\(reference): \(error)")
        }
    }
}
