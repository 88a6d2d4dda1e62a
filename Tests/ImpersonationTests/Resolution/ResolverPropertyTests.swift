import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

/// What holds whatever a policy, a directory, a registry and a request say, and however they fail.
@Suite("Whatever happens")
struct ResolverPropertyTests {
    /// What came of one case: exactly one of a resolution and an error.
    struct Outcome: Sendable {
        var random: RandomCase
        var resolution: Resolution?
        var error: ResolutionError?
    }

    /// The cases of fixed seeds, decided once for all tests of the suite.
    static let outcomes = Task {
        var outcomes: [Outcome] = []
        for seed in UInt64(0)..<2_000 {
            // Nothing here ever waits: without this, the other tests would.
            await Task.yield()
            let random = try await RandomCase(seed: seed)
            do throws(ResolutionError) {
                let resolution = try await random.resolver().resolve(random.request)
                outcomes.append(Outcome(random: random, resolution: resolution, error: nil))
            } catch {
                outcomes.append(Outcome(random: random, resolution: nil, error: error))
            }
        }
        return outcomes
    }

    @Test("no identity is the superuser's, of the superuser's group or of a reserved id")
    func neverPrivileged() async throws {
        for outcome in try await Self.outcomes.value {
            guard let account = outcome.resolution?.identity?.account else { continue }
            let ids = [account.userID.rawValue, account.groupID.rawValue] + account.groups.map(\.rawValue)
            #expect(!ids.contains(0), "\(outcome.random.request)")
            #expect(!ids.contains(65_535) && !ids.contains(.max), "\(outcome.random.request)")
            #expect(account.name.user.last != "$")
        }
    }

    @Test("nobody runs as an account that nobody named, the worker's own included")
    func neverUnnamed() async throws {
        for outcome in try await Self.outcomes.value {
            let random = outcome.random
            guard let identity = outcome.resolution?.identity else { continue }
            let policy = random.site.policy
            let named: [String?]
            switch policy.mode.value {
            case .desktop:
                #expect(identity.account.userID == RandomCase.workerID)
                #expect(identity.method == .keepCurrentAccount)
                continue
            case .proxy:
                named = [policy.proxyAccount.value]
            case .user:
                named =
                    random.request.requestedAccount.map { [$0] }
                    ?? [random.request.login] + random.grants.map(\.account.spelling)
            }
            #expect(identity.method == .switchAccount)
            let users = try named.compactMap { $0 }.map { try AccountName($0).user.lowercased() }
            #expect(users.contains(identity.account.name.user.lowercased()), "\(random.request)")
        }
    }

    @Test("in user mode nobody becomes anybody else without a grant that holds")
    func neverWithoutGrant() async throws {
        for outcome in try await Self.outcomes.value {
            let (random, resolution) = (outcome.random, outcome.resolution)
            guard random.site.policy.mode.value == .user, let identity = resolution?.identity else { continue }
            // As whom the login would run if it asked for nobody and had no right to anybody.
            var alone = random.request
            alone.requestedAccount = nil
            let oneself = try? await random.resolver(keepingGrants: false).resolve(alone).identity
            if let oneself, oneself.account == identity.account { continue }
            #expect(resolution?.explanation.entries.last?.rule == "grant")
            let login = identity.login.user.lowercased()
            let account = identity.account.name.user.lowercased()
            let holds = random.grants.contains { grant in
                grant.login.user.lowercased() == login && grant.account.user.lowercased() == account
                    && grant.holds(at: random.site.now) && grant.addresses.allows(random.request.remoteAddress)
            }
            #expect(holds, "\(random.request) runs as \(identity.account.name)")
            #expect(!random.grants.contains { $0.account == identity.login }, "\(identity.login) is a proxy account")
        }
    }

    @Test("every decision is explained, and the last rule is the one that decided")
    func alwaysExplained() async throws {
        for outcome in try await Self.outcomes.value {
            let (random, resolution, error) = (outcome.random, outcome.resolution, outcome.error)
            let explanation = try #require(resolution?.explanation ?? error?.explanation)
            let entries = explanation.entries
            #expect(entries.first?.rule == "\(random.site.policy.mode.value)Mode")
            #expect(entries.allSatisfy { !$0.rule.isEmpty && !$0.text.isEmpty && !$0.source.origin.isEmpty })
            #expect(explanation.alternatives.allSatisfy { !$0.isEmpty })
            switch resolution {
            case .identity(let identity, _):
                #expect(["proxyAccount", "selfAllowed", "grant", "workerAccount"].contains(entries.last?.rule))
                #expect(entries.last?.text.contains(identity.account.name.spelling) == true)
            case .denied(let denial, _):
                #expect(entries.last?.text == denial.message)
            case .badLogin(let badLogin, _):
                #expect(entries.last?.rule == "accountNotFound")
                #expect(entries.last?.text == badLogin.message)
            case nil:
                #expect(error?.message.isEmpty == false)
            }
        }
    }

    @Test("the same question has the same answer")
    func deterministic() async throws {
        for outcome in try await Self.outcomes.value {
            let again = try? await outcome.random.resolver().resolve(outcome.random.request)
            #expect(again == outcome.resolution)
        }
    }

    @Test("the cases reach every outcome and most reasons, so that the above says something")
    func coverage() async throws {
        var identities: [String: Int] = [:]
        var reasons: [Denial.Reason: Int] = [:]
        var badLogins = 0
        var failures: [ResolutionError.Code: Int] = [:]
        for outcome in try await Self.outcomes.value {
            switch outcome.resolution {
            case .identity(_, let explanation): identities[explanation.entries.last?.rule ?? "", default: 0] += 1
            case .denied(let denial, _): reasons[denial.reason, default: 0] += 1
            case .badLogin: badLogins += 1
            case nil: if let error = outcome.error { failures[error.code, default: 0] += 1 }
            }
        }
        #expect(identities.count == 4 && identities.values.allSatisfy { $0 >= 20 }, "\(identities)")
        #expect(reasons.count >= 16, "\(reasons)")
        #expect(badLogins >= 20)
        #expect(failures.count == 3, "\(failures)")
    }
}
