import Testing

@testable import Impersonation

@Suite("A request to end")
struct TerminationRequestTests {
    private let request = TerminationRequest()
    private let long = Duration.seconds(1_000)

    @Test("is made by the first, and joined by whoever comes within its time")
    func joined() async {
        #expect(await isMade(within: long))
        #expect(await !isMade(within: long))
    }

    @Test("is made again once the shorter of two times is over")
    func over() async {
        #expect(await isMade(within: long))
        #expect(await !isMade(within: .zero))
        #expect(await isMade(within: long))
    }

    @Test("is made again by the next one when it has reached nobody")
    func unheard() async {
        #expect(await isMade(within: long, reachesSomebody: false))
        #expect(await isMade(within: long))
        #expect(await !isMade(within: long))
    }

    @Test("that is over and has reached nobody takes back no later one")
    func late() async {
        await request.make(until: .now) {
            let isMade = await isMade(within: long)
            #expect(isMade)
            return false
        }
        #expect(await !isMade(within: long))
    }

    /// Whether the job is asked now.
    private func isMade(within time: Duration, reachesSomebody: Bool = true) async -> Bool {
        var isMade = false
        await request.make(until: .now + time) {
            isMade = true
            return reachesSomebody
        }
        return isMade
    }
}
