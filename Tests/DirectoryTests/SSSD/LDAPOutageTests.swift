import Foundation
import Glibc
import Impersonation
import SystemPackage
import Testing

@Suite("SSSD without one of its two directories", .on(.ldap), .serialized, .timeLimit(.minutes(5)))
struct LDAPOutageTests {
    /// Sends a signal to a process of SSSD; the one for a domain takes that for one that is not reached by SIGUSR1, and for one that is
    /// by SIGUSR2 (sssd(8)).
    private func signal(_ number: Int32, _ program: String = "sssd_be", domain: String? = nil) throws {
        let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }
        let those = processes.filter { process in
            let file = URL(filePath: "/proc/\(process)/cmdline")
            let bytes = (try? Data(contentsOf: file)) ?? Data()
            let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            return words.first?.hasSuffix("/\(program)") == true && (domain.map(words.contains) ?? true)
        }
        try #require(those.count == 1)
        try #require(kill(those[0], number) == 0)
    }

    @Test("accounts of that one are unavailable, and of the other one there are those that it has")
    func oneDomain() async throws {
        try await Control.forget()
        #expect(try await account("okuser@MYCORP") != nil)
        try signal(SIGUSR1, domain: "OTHER")
        // The signal is a message to it as others are.
        while try await presence(of: "nosuch@OTHER") == .absent {}
        try await Away.expect(["okuser@OTHER", "nosuch@OTHER"], id: 30_002, group: "engineers@OTHER")
        for name in ["nosuch@MYCORP", "onlyother@MYCORP", #"MYCORP\someuser"#, "nosuch"] {
            #expect(try await account(name) == nil, "\(name)")
        }
        // It may be another name of either.
        #expect(try await failure(asking: "someuser@NOSUCH").errno == .hostIsDown)
        #expect(try await account("okuser@MYCORP")?.userID.rawValue == 20_002)
        try signal(SIGUSR2, domain: "OTHER")
        while try await presence(of: "okuser@OTHER") == .unavailable {}
        #expect(try await account("okuser@OTHER")?.userID.rawValue == 30_002)
        #expect(try await account("nosuch@OTHER") == nil)
    }

    @Test("that does not say whether it reaches them: what it calls absent is unavailable, and soon")
    func silent() async throws {
        try signal(SIGSTOP, "sssd_ifp")
        let begin = ContinuousClock.now
        let result: Result<Presence, any Error>
        do { result = .success(try await presence(of: "nosuch@MYCORP")) } catch { result = .failure(error) }
        let doubts = try? await nameService().route().doubts
        try signal(SIGCONT, "sssd_ifp")
        #expect(try result.get() == .unavailable)
        #expect(ContinuousClock.now - begin < patience)
        #expect(doubts?.first?.hasPrefix("SSSD does not answer") == true, "\(doubts ?? [])")
        while try await presence(of: "nosuch@MYCORP") == .unavailable {}
    }

    @Test("since it was started with nothing to remember: nobody is absent")
    func awayFromTheStart() async throws {
        try await Control.without("directory", isFrozen: false) {
            try await Control.renewSSSD()
            let names = ["okuser@MYCORP", "okuser@OTHER", "nosuch@OTHER", "someuser@NOSUCH"]
            try await Away.expect(names, id: 20_002, group: "engineers@MYCORP")
            let alice = try await Site().resolve("alice")
            #expect(alice.identity?.account.userID.rawValue == 2_001, "\(alice.message)")
            let doubts = try await nameService().route().doubts
            #expect(doubts.count == 1)
            #expect(doubts.first?.contains("does not reach a directory") == true, "\(doubts)")
        }
        #expect(try await account("okuser@OTHER")?.userID.rawValue == 30_002)
        #expect(try await nameService().route().doubts == [])
    }

    @Test("where it does not tell us, its word stands, and the doctor hears whom it has to tell")
    func refused() async throws {
        let file = URL(filePath: "/etc/sssd/sssd.conf")
        let former = try Data(contentsOf: file)
        let text = String(decoding: former, as: UTF8.self)
        let allowance = try #require(text.split(separator: "\n").first { $0.hasPrefix("allowed_uids = 0, ") })
        let users = try #require(allowance.split(separator: " = ").last)
        try Data(text.replacing(allowance, with: "allowed_uids = 0").utf8).write(to: file)
        var result: Result<Void, any Error> = .success(())
        do {
            try await Control.forget()
            try await Control.without("directory", isFrozen: false) {
                try await Control.renewSSSD()
                #expect(try await account("okuser@OTHER") == nil)
            }
            let doubts = try await nameService().route().doubts
            #expect(doubts.count == 1)
            let remedies = users.split(separator: ", ").dropFirst()
                .map { "; have [ifp] allowed_uids = 0, \($0) in sssd.conf" }
            #expect(remedies.contains { doubts.first?.contains($0) == true }, "\(doubts)")
        } catch {
            result = .failure(error)
        }
        try former.write(to: file)
        try await Control.forget()
        try result.get()
    }

    private enum Presence { case present, absent, unavailable }

    private func presence(of name: String) async throws -> Presence {
        let name = try AccountName(name)
        do throws(AccountDirectoryError) {
            let found = try await nameService().account(named: name)
            return found == nil ? .absent : .present
        } catch {
            guard error.errno == .hostIsDown else { throw error }
            return .unavailable
        }
    }
}
