import ImpersonationTesting
import SystemPackage
import Testing

@testable import Impersonation

@Suite("The directory's answer is the account that was asked for")
struct NameAgreementRuleTests {
    struct Pair: Sendable, CustomTestStringConvertible {
        var asked: String
        var answer: String
        var agrees: Bool
        var testDescription: String { "\(asked) -> \(answer)" }
    }

    @Test(
        "when the names agree",
        arguments: [
            Pair(asked: "alice", answer: "alice", agrees: true),
            Pair(asked: "alice", answer: "Alice", agrees: false),
            Pair(asked: "alice", answer: "bob", agrees: false),
            Pair(asked: "someuser", answer: #"MYCORP\someuser"#, agrees: false),
            Pair(asked: "someuser", answer: "someuser@mycorp.test", agrees: false),
            Pair(asked: #"mycorp\SomeUser"#, answer: #"MYCORP\someuser"#, agrees: true),
            Pair(asked: #"MYCORP\someuser"#, answer: "someuser@mycorp.test", agrees: true),
            Pair(asked: "someuser@mycorp.test", answer: #"MYCORP\someuser"#, agrees: true),
            Pair(asked: "someuser@MYCORP", answer: "someuser@mycorp.test", agrees: true),
            Pair(asked: #"mycorp.test\someuser"#, answer: #"MYCORP.TEST\someuser"#, agrees: true),
            Pair(asked: #"MYCORP\someuser"#, answer: #"OTHER\someuser"#, agrees: false),
            Pair(asked: #"MYCORP\someuser"#, answer: #"MYCORP\otheruser"#, agrees: false),
            Pair(asked: "someuser@mycorp.test", answer: "someuser@mycorp.example", agrees: false),
            Pair(asked: "someuser@dept.mycorp.test", answer: #"MYCORP\someuser"#, agrees: false),
            Pair(asked: #"MYCORP\someuser"#, answer: "otheruser", agrees: false),
        ]
    )
    func names(pair: Pair) async throws {
        let account = try Account.forTesting(pair.answer, uid: 11_103)
        let reason = try await RuleBench([account]).reason(of: NameAgreementRule(), on: account, askedFor: pair.asked)
        #expect(reason == (pair.agrees ? nil : .nameMismatch))
    }

    @Test("when it leaves the domain out and the short name leads back to it")
    func shortAnswer() async throws {
        let account = try Account.forTesting("someuser", uid: 11_103)
        let verdict = try await RuleBench([account])
            .verdict(of: NameAgreementRule(), on: account, askedFor: #"MYCORP\someuser"#)
        #expect(verdict.text == #"MYCORP\someuser is someuser in the directory"#)
        #expect(verdict.reason == nil)
    }

    @Test("not when the short name leads to somebody else, whose groups it would have")
    func shortAnswerOfSomebodyElse() async throws {
        let account = try Account.forTesting("someuser", uid: 30_001)
        let local = try Account.forTesting("someuser", uid: 5_555)
        let verdict = try await RuleBench([local])
            .verdict(of: NameAgreementRule(), on: account, askedFor: #"OTHER\someuser"#)
        #expect(verdict.reason == .nameMismatch)
        #expect(verdict.text.contains("under someuser it has someuser with user id 5555"))
    }

    @Test("not when the short name leads nowhere")
    func shortAnswerOfNobody() async throws {
        let account = try Account.forTesting("someuser", uid: 11_103)
        #expect(
            try await RuleBench().reason(of: NameAgreementRule(), on: account, askedFor: #"MYCORP\someuser"#)
                == .nameMismatch
        )
    }

    @Test("and is not decided while the way back cannot be asked")
    func shortAnswerInAnOutage() async throws {
        let account = try Account.forTesting("someuser", uid: 11_103)
        let bench = RuleBench([account])
        bench.directory.failEverything()
        await #expect(throws: AccountDirectoryError.testOutage) {
            _ = try await bench.verdict(of: NameAgreementRule(), on: account, askedFor: #"MYCORP\someuser"#)
        }
    }
}
