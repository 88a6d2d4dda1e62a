import LaunchProtocol
import LocalAccounts
import NameLookup
import SystemPackage
import Testing

@testable import Impersonation

@Suite("getent, asked for the name service")
struct GetentTests {
    private func answer(_ text: String, _ question: LookupQuestion = .passwdByName("x")) -> LookupAnswer? {
        GetentOutput(Array(text.utf8)).answer(to: question)
    }

    @Test("reads one whole line with every field, and nothing else")
    func entries() {
        let alice = PasswdEntry("alice", uid: 1_001, gid: 7, home: "/home/alice", shell: "/bin/sh")
        #expect(answer("alice:x:1001:7:Alice,,,:/home/alice:/bin/sh\n") == .passwd(alice))
        #expect(
            answer("wheel:x:10:a,b\n", .groupByName("wheel"))
                == .group(GroupEntry(name: "wheel", groupID: GroupID(rawValue: 10)))
        )
        #expect(answer("alice:x:1001:7::/home/alice:/bin/sh\n", .passwdByID(1_001)) == .passwd(alice))
    }

    @Test(
        "takes nothing else for an entry",
        arguments: [
            "", "\n", "alice:x:1001:7::/home/alice:/bin/sh", "alice:x:1001:7::/home/alice:/bin/sh:\n",
            "alice:x:1001:7:/home/alice:/bin/sh\n", "alice:x:1001:7::/h:/s\nbob:x:0:0::/h:/s\n",
            "alice:x:+1:7::/h:/s\n",
            "alice:x:-1:7::/h:/s\n", "alice:x: 1:7::/h:/s\n", "alice:x::7::/h:/s\n", "alice:x:4294967296:7::/h:/s\n",
            "alice:x:1:٣::/h:/s\n", "alice:x:1:7:\0:/h:/s\n", "wheel:x:10:a\n",
        ]
    )
    func nonsense(text: String) {
        #expect(answer(text) == nil)
    }

    @Test("tells a name that is no text")
    func undecodable() {
        let line = Array("a".utf8) + [0xE4] + Array(":x:1:1::/:/\n".utf8)
        #expect(GetentOutput(line).answer(to: .passwdByName("x")) == .undecodable(.accountName))
    }

    @Test("reads groups behind a name with blanks, and adds the primary one")
    func groups() {
        let question = LookupQuestion.groups(of: #"MYCORP\john smith"#, primary: 5)
        let ids = [5, 10, 4_294_967_294].map { GroupID(rawValue: $0) }
        #expect(answer("MYCORP\\john smith     10 5 4294967294\n", question) == .groups(ids))
        #expect(answer("MYCORP\\john smith    \n", question) == .groups([GroupID(rawValue: 5)]))
        for text in [
            "root 0\n", "MYCORP\\john smithy 10\n", "MYCORP\\john smith 1x\n", "MYCORP\\john smith -1\n", "\n",
        ] {
            #expect(answer(text, question) == nil, "\(text)")
        }
    }

    @Test(
        "is not asked for a name that it would take for a number",
        arguments: ["0", "1000", "+5", "-5", " 7", "\t-0", "-", "+", " "]
    )
    func numbers(name: String) throws {
        for question in [LookupQuestion.passwdByName(name), .groupByName(name), .groups(of: name, primary: 1)] {
            let error = #expect(throws: NoAnswer.self) { try Getent().ask(question, until: .now) }
            guard case .broken(let reason) = error else {
                Issue.record("it was asked")
                return
            }
            #expect(reason.contains("number"))
        }
    }
}
