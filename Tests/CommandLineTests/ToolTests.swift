import Foundation
import Testing

@Suite("The tool as tests run it", .inTestBed)
struct ToolTests {
    @Test("leaves no descriptor: what comes after them, exit tests too, has as many as there were")
    func descriptors() async throws {
        await #expect(processExitsWith: .success) {
            func open() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
            // What the first one needs stays for the others.
            for _ in 0..<2 { _ = try await Tool().run(["--help"]) }
            let before = try open()
            for _ in 0..<10 { #expect(try await Tool().run(["--help"]).status == 0) }
            // Whoever waited for the last one may not be done with it.
            let patience = ContinuousClock.now + .seconds(30)
            while try open() > before, ContinuousClock.now < patience { try await Task.sleep(for: .milliseconds(1)) }
            #expect(try open() <= before)
        }
    }
}
