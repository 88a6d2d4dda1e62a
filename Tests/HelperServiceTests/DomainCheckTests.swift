import LaunchProtocol
import SystemPackage
import Testing

@testable import HelperService

@Suite("What the name service does not know")
struct DomainCheckTests {
    private static let questions: [(LookupQuestion, name: String?)] = [
        (.passwdByName(#"MYCORP\someuser"#), #"MYCORP\someuser"#), (.groupByName("engineers"), "engineers"),
        (.groups(of: "someuser@mycorp.test", primary: 7), "someuser@mycorp.test"), (.passwdByID(11_103), nil),
    ]

    @Test("is not there where a server of its domain answers, and else nobody knows", arguments: [true, false])
    func absent(isAway: Bool) {
        for (question, name) in Self.questions {
            var asked: [String?] = []
            let answer = DomainCheck.checked(.absent, to: question) { name in
                asked.append(name)
                return isAway
            }
            #expect(answer == (isAway ? .failed(Errno.hostIsDown.rawValue) : .absent))
            #expect(asked == [name])
        }
    }

    @Test("is asked about no further where there is another answer")
    func others() {
        for answer in [LookupAnswer.groups([GroupID(rawValue: 7)]), .failed(2), .tooLarge] {
            let said = DomainCheck.checked(answer, to: .passwdByName("a")) { _ in
                Issue.record("the domain is asked")
                return true
            }
            #expect(said == answer)
        }
    }

    // Neither winbind is a service of the machine of the tests, nor does anything of it run there.
    @Test("is not there where winbind is none of the services")
    func withoutWinbind() {
        #expect(DomainCheck.checked(.absent, to: .passwdByName(#"MYCORP\someuser"#)) == .absent)
    }
}
