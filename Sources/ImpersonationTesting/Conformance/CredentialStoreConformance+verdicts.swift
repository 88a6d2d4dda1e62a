import FoundationEssentials
import Impersonation

extension CredentialStoreConformance {
    static let verdictRequirements: [Requirement] = [
        Requirement("an accepted credential stays usable and its status says when it was accepted") { store in
            let version = try await register(store, "correct horse", for: "alice")
            try await store.record(.accepted, for: name("alice"), version: version)
            let status = try await status(store, "alice")
            guard let accepted = status.lastAccepted else { throw Violation(message: "it was never accepted") }
            try require(accepted >= status.registered, "it was accepted before it was registered")
            try await mustOpen(store, "alice", version, as: "correct horse")
        },
        Requirement("a rejected credential is a badlogin for the reason it was rejected for, and does not open") {
            store in
            for reason in [BadLogin.Reason.rejected, .expired, .accountLocked, BadLogin.Reason("hostsOwn")] {
                let version = try await register(store, "wrong horse", for: "alice")
                try await store.record(.rejected(reason), for: name("alice"), version: version)
                try await mustBeBadLogin(store, "alice", because: reason)
                try await mustRefuse(store, "alice", version, because: .rejected)
                let status = try await status(store, "alice")
                guard let rejection = status.rejection else { throw Violation(message: "it was never rejected") }
                try require("the reason in the status", rejection.reason, is: reason)
                try require(rejection.date >= status.registered, "it was rejected before it was registered")
            }
        },
        Requirement("a rejected credential stays rejected, whatever is recorded for it afterwards") { store in
            let version = try await register(store, "wrong horse", for: "alice")
            try await store.record(.accepted, for: name("alice"), version: version)
            try await store.record(.rejected(.rejected), for: name("alice"), version: version)
            try await store.record(.accepted, for: name("alice"), version: version)
            try await mustBeBadLogin(store, "alice", because: .rejected)
            try await mustRefuse(store, "alice", version, because: .rejected)
            try require(try await status(store, "alice").rejection != nil, "the status forgot the rejection")
        },
        Requirement("a newer credential lifts a rejection, also with the same password") { store in
            let first = try await register(store, "horse", for: "alice")
            try await store.record(.accepted, for: name("alice"), version: first)
            try await store.record(.rejected(.rejected), for: name("alice"), version: first)
            let second = try await register(store, "horse", for: "alice")
            try await mustBeUsable(store, "alice", second)
            try await mustOpen(store, "alice", second, as: "horse")
            let status = try await status(store, "alice")
            try require("the rejection of the newer", status.rejection, is: nil)
            try require("when the newer was accepted", status.lastAccepted, is: nil)
        },
        Requirement("a verdict on a version that is not current is ignored") { store in
            let first = try await register(store, "first", for: "alice")
            let second = try await register(store, "second", for: "alice")
            let future = CredentialVersion(rawValue: second.rawValue + 1)
            for version in [first, future] {
                try await store.record(.rejected(.rejected), for: name("alice"), version: version)
                try await store.record(.accepted, for: name("alice"), version: version)
            }
            try await mustBeUsable(store, "alice", second)
            let status = try await status(store, "alice")
            try require("when it was accepted", status.lastAccepted, is: nil)
            try require("its rejection", status.rejection, is: nil)
            try await store.remove(name("alice"))
            let third = try await register(store, "third", for: "alice")
            try await store.record(.rejected(.rejected), for: name("alice"), version: second)
            try await mustBeUsable(store, "alice", third)
        },
    ]

    static let concurrencyRequirements: [Requirement] = [
        Requirement("of 1,000 registrations at a time every one has a version of its own, and the last stands") {
            store in
            let versions = try await withThrowingTaskGroup(of: (CredentialVersion, Int).self) { group in
                for attempt in 0..<1_000 {
                    group.addTask { (try await register(store, "password \(attempt)", for: "alice"), attempt) }
                }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            try require("the number of versions", versions.count, is: 1_000)
            guard let last = versions.max(by: { $0.key < $1.key }) else { throw Violation(message: "no versions") }
            try await mustBeUsable(store, "alice", last.key)
            try await mustOpen(store, "alice", last.key, as: "password \(last.value)")
        },
        Requirement("a rejection never hits the credential that was registered meanwhile") { store in
            for round in 0..<100 {
                let old = try await register(store, "old", for: "alice")
                async let newer = register(store, "new \(round)", for: "alice")
                async let recorded: Void = store.record(.rejected(.rejected), for: name("alice"), version: old)
                let version = try await newer
                try await recorded
                try await mustBeUsable(store, "alice", version)
                try await mustOpen(store, "alice", version, as: "new \(round)")
            }
        },
        Requirement("what opens is what was registered with that version, while newer ones are registered") { store in
            try await withThrowingTaskGroup { group in
                for writer in 0..<2 {
                    group.addTask {
                        for round in 0..<100 {
                            let password = "password \(writer) \(round)"
                            let version = try await register(store, password, for: "alice")
                            await Task.yield()
                            do {
                                try await mustOpen(store, "alice", version, as: password)
                            } catch let error as CredentialStoreError {
                                guard error.code == .superseded else { throw error }
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        },
    ]
}
