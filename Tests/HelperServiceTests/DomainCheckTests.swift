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

    /// A machine whose SSSD is not to be asked.
    private static func winbind(_ isCutOff: @escaping (String?) -> Bool) -> DomainCheck.Witnesses {
        DomainCheck.Witnesses(winbindIsCutOff: isCutOff) { name in
            Issue.record("SSSD was asked about \(name ?? "everything")")
            return .away
        }
    }

    /// A machine whose winbind is not to be asked.
    private static func sssd(_ reach: @escaping (String?) -> DirectoryReach) -> DomainCheck.Witnesses {
        DomainCheck.Witnesses(
            winbindIsCutOff: { name in
                Issue.record("winbind was asked about \(name ?? "everything")")
                return true
            },
            reachOfSSSD: reach
        )
    }

    @Test("is not there where a server answers winbind, and else nobody knows", arguments: [true, false])
    func absent(isCutOff: Bool) {
        for (question, name) in Self.questions {
            var asked: [String?] = []
            let files = Self.files("passwd: files winbind\ngroup: files winbind\n")
            let witness = { (name: String?) -> Bool in
                asked.append(name)
                return isCutOff
            }
            let answer = DomainCheck.checked(.absent, to: question, files, asking: Self.winbind(witness))
            #expect(answer == (isCutOff ? .failed(Errno.hostIsDown.rawValue) : .absent))
            #expect(asked == [name])
        }
    }

    @Test(
        "is not there where winbind is not asked about such things",
        arguments: [
            ("passwd: files systemd\ngroup: files winbind\n", LookupQuestion.passwdByName("a@b")),
            ("passwd: files winbind\ngroup: files systemd\n", .groupByName("a@b")),
            ("passwd: files winbind\ngroup: files winbind\n", .passwdByID(11_103)),
            ("", .passwdByName("a@b")),
        ]
    )
    func withoutWinbind(nameServiceSwitch: String, question: LookupQuestion) {
        let files = Self.files(nameServiceSwitch)
        #expect(DomainCheck.checked(.absent, to: question, files, asking: Self.winbind { _ in true }) == .absent)
    }

    @Test(
        "is not there where SSSD reaches its directory or does not say, and else nobody knows",
        arguments: DirectoryReach.allCases
    )
    func absent(reach: DirectoryReach) {
        let expected: LookupAnswer =
            [.away, .silent].contains(reach) ? .failed(Errno.hostIsDown.rawValue) : .absent
        let files = Self.files("passwd: files sss\ngroup: files sss\n")
        for (question, name) in Self.questions.map({ ($0.0, Optional($0.name)) }) + [(.passwdByID(20_001), nil)] {
            var asked: [String?] = []
            let witness = { (name: String?) -> DirectoryReach in
                asked.append(name)
                return reach
            }
            var witnesses = Self.sssd(witness)
            var questions: [LookupQuestion] = []
            witnesses.nameService = { question in
                questions.append(question)
                return .absent
            }
            #expect(DomainCheck.checked(.absent, to: question, files, asking: witnesses) == expected)
            // What it says that it reaches it may have come to reach since.
            #expect(asked == (reach == .reached ? [name, name] : [name]))
            #expect(questions == (reach == .reached ? [question] : []))
        }
    }

    @Test("is asked for once more where SSSD reaches its directory, and is unknown where it has lost it since")
    func secondLook() {
        let files = Self.files("passwd: files sss\n")
        let found = LookupAnswer.groups([GroupID(rawValue: 7)])
        for (second, last, expected) in [
            (found, DirectoryReach.away, found), (.absent, .reached, .absent),
            (.absent, .away, .failed(Errno.hostIsDown.rawValue)), (.failed(2), .reached, .failed(2)),
        ] {
            var answers = [DirectoryReach.reached, last]
            var witnesses = Self.sssd { _ in answers.removeFirst() }
            witnesses.nameService = { _ in second }
            #expect(DomainCheck.checked(.absent, to: .passwdByName("a@b"), files, asking: witnesses) == expected)
        }
    }

    @Test("is asked for in this process likewise: not there, unknown, or there the second time")
    func inThisProcess() {
        let files = Self.files("passwd: files sss\n")
        let question = LookupQuestion.passwdByName("a@b")
        for (answers, reach, expected, asks) in [
            ([7], DirectoryReach.reached, Result<Int?, Errno>.success(7), 1), ([nil, 7], .reached, .success(7), 2),
            ([nil, nil], .reached, .success(nil), 2), ([nil], .away, .failure(.hostIsDown), 1),
            ([nil], .silent, .failure(.hostIsDown), 1), ([nil], .refused, .success(nil), 1),
            ([nil], .nobody, .success(nil), 1),
        ] {
            var rest = answers
            let answer = Result { () throws(Errno) in
                try DomainCheck.confirmed(question, files, asking: Self.sssd { _ in reach }) { rest.removeFirst() }
            }
            #expect(answer == expected)
            #expect(answers.count - rest.count == asks)
        }
        // Lost between the two.
        var reaches = [DirectoryReach.reached, .away]
        #expect(throws: Errno.hostIsDown) {
            try DomainCheck.confirmed(question, files, asking: Self.sssd { _ in reaches.removeFirst() }) { Int?.none }
        }
    }

    @Test("is not there where SSSD is not asked about such things")
    func withoutSSSD() {
        for (line, question) in [
            ("passwd: files sss\n", LookupQuestion.groupByName("a@b")), ("group: files sss\n", .passwdByID(7)),
        ] {
            let files = Self.files(line)
            #expect(DomainCheck.checked(.absent, to: question, files, asking: Self.sssd { _ in .away }) == .absent)
        }
    }

    @Test("whether SSSD reaches its directories is told as it says it, and goes without saying where it is not asked")
    func reach() {
        for reach in DirectoryReach.allCases {
            let files = Self.files("passwd: files sss\n")
            let answer = DomainCheck.checked(.absent, to: .reach, files, asking: Self.sssd { _ in reach })
            #expect(answer == reach.errno.map { .failed($0.rawValue) } ?? .absent)
            #expect(DirectoryReach(-(reach.errno?.rawValue ?? 0)) == reach)
            let others = Self.files("passwd: files systemd\n")
            #expect(DomainCheck.checked(.absent, to: .reach, others, asking: Self.sssd { _ in reach }) == .absent)
        }
        #expect(DirectoryReach(-5) == .silent)
    }

    @Test("whether winbind hears from a server is told for names without a domain, behind what SSSD says")
    func reachOfWinbind() {
        for isCutOff in [true, false] {
            let expected: LookupAnswer = isCutOff ? .failed(Errno.networkDown.rawValue) : .absent
            let witnesses = Self.winbind { name in name == nil && isCutOff }
            let files = Self.files("passwd: files winbind\n")
            #expect(DomainCheck.checked(.absent, to: .reach, files, asking: witnesses) == expected)
            for (reach, answer) in [(DirectoryReach.reached, expected), (.away, .failed(Errno.hostIsDown.rawValue))] {
                let both = DomainCheck.Witnesses(winbindIsCutOff: { _ in isCutOff }, reachOfSSSD: { _ in reach })
                let files = Self.files("passwd: files winbind sss\n")
                #expect(DomainCheck.checked(.absent, to: .reach, files, asking: both) == answer)
            }
        }
        let groups = Self.files("passwd: files\ngroup: files winbind\n")
        #expect(DomainCheck.checked(.absent, to: .reach, groups, asking: Self.winbind { _ in true }) == .absent)
    }

    @Test("is unknown where nobody can tell who was asked")
    func unreadable() {
        let files = LocalFiles { path throws(LocalFilesProblem) in
            throw LocalFilesProblem(path: path, errno: .tooManyOpenFiles)
        }
        for question in [LookupQuestion.passwdByName("a"), .passwdByID(7)] {
            let answer = DomainCheck.checked(.absent, to: question, files, asking: Self.winbind { _ in false })
            #expect(answer == .failed(Errno.tooManyOpenFiles.rawValue))
        }
    }

    @Test("is asked about no further where there is another answer")
    func others() {
        let files = Self.files("passwd: files winbind sss\n")
        let witnesses = DomainCheck.Witnesses(winbindIsCutOff: { _ in true }, reachOfSSSD: { _ in .away })
        for answer in [LookupAnswer.groups([GroupID(rawValue: 7)]), .failed(2), .tooLarge] {
            #expect(DomainCheck.checked(answer, to: .passwdByName("a@b"), files, asking: witnesses) == answer)
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
