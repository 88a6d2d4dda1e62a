import CHelperService
import LaunchProtocol
import LocalAccounts
import SystemPackage
import Testing

@testable import HelperService

@Suite("What the name service does not know")
struct DomainCheckTests {
    private static func files(_ nameServiceSwitch: String) -> LocalFiles {
        LocalFiles { path in path == "/etc/nsswitch.conf" ? Array(nameServiceSwitch.utf8) : [] }
    }

    private static let questions: [(LookupQuestion, name: String)] = [
        (.passwdByName(#"MYCORP\someuser"#), #"MYCORP\someuser"#), (.groupByName("engineers"), "engineers"),
        (.groups(of: "someuser@mycorp.test", primary: 7), "someuser@mycorp.test"),
    ]

    @Test("is not there where a server answers winbind, and else nobody knows", arguments: [true, false])
    func absent(isCutOff: Bool) {
        for (question, name) in Self.questions {
            var asked: [String] = []
            let files = Self.files("passwd: files winbind\ngroup: files winbind\n")
            let answer = DomainCheck.checked(.absent, to: question, files) { name in
                asked.append(name)
                return isCutOff
            }
            #expect(answer == (isCutOff ? .failed(Errno.hostIsDown.rawValue) : .absent))
            #expect(asked == [name])
        }
    }

    @Test(
        "is not there where winbind is not asked about such things",
        arguments: [
            ("passwd: files sss\ngroup: files winbind\n", LookupQuestion.passwdByName("a@b")),
            ("passwd: files winbind\ngroup: files sss\n", .groupByName("a@b")),
            ("passwd: files winbind\ngroup: files winbind\n", .passwdByID(11_103)),
            ("", .passwdByName("a@b")),
        ]
    )
    func withoutWinbind(nameServiceSwitch: String, question: LookupQuestion) {
        #expect(DomainCheck.checked(.absent, to: question, Self.files(nameServiceSwitch)) { _ in true } == .absent)
    }

    @Test("is unknown where nobody can tell who was asked")
    func unreadable() {
        let files = LocalFiles { path throws(LocalFilesProblem) in
            throw LocalFilesProblem(path: path, errno: .tooManyOpenFiles)
        }
        let answer = DomainCheck.checked(.absent, to: .passwdByName("a"), files) { _ in false }
        #expect(answer == .failed(Errno.tooManyOpenFiles.rawValue))
    }

    @Test("is asked about no further where there is another answer")
    func others() {
        let files = Self.files("passwd: files winbind\n")
        for answer in [LookupAnswer.groups([GroupID(rawValue: 7)]), .failed(2), .tooLarge] {
            #expect(DomainCheck.checked(answer, to: .passwdByName("a@b"), files) { _ in true } == answer)
        }
    }

    @Test(
        "is of a domain by its separator, or as a principal",
        arguments: [
            (#"MYCORP\someuser"#, "\\", true), ("someuser@mycorp.test", "\\", true), ("MYCORP+someuser", "+", true),
            ("MYCORP+someuser", "\\", false), ("someuser", "\\", false), ("someuser", "\0", false), ("", "\\", false),
            (#"\"#, "\\", true), ("@", "+", true),
        ]
    )
    func domains(name: String, separator: String, hasDomain: Bool) throws {
        let byte = CChar(bitPattern: try #require(separator.utf8.first))
        #expect(unsafe (lookup_name_has_domain(name, byte) != 0) == hasDomain)
    }
}
