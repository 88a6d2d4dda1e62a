import Impersonation

extension CredentialStoreConformance {
    static let registrationRequirements: [Requirement] = [
        Requirement("an account without a credential is a badlogin, has no status and opens nothing") { store in
            try await mustBeBadLogin(store, "alice", because: .missing)
            try require("the status", await store.status(of: name("alice")), is: nil)
            try await mustRefuse(store, "alice", CredentialVersion(rawValue: 1), because: .notFound)
            try require("whether anything was removed", await store.remove(name("alice")), is: false)
            try await store.record(.accepted, for: name("alice"), version: CredentialVersion(rawValue: 1))
            try require("the status after a verdict", await store.status(of: name("alice")), is: nil)
        },
        Requirement("a registered credential is usable and opens as what was registered") { store in
            let version = try await register(store, "correct horse", for: "alice")
            try await mustBeUsable(store, "alice", version)
            try await mustOpen(store, "alice", version, as: "correct horse")
            let status = try await status(store, "alice")
            try require("the account in the status", status.account, is: name("alice"))
            try require("the version in the status", status.version, is: version)
            try require("when it was accepted", status.lastAccepted, is: nil)
            try require("its rejection", status.rejection, is: nil)
        },
        Requirement("every byte a secret can have is kept, and every length") { store in
            var bytes = Array((UInt8(1)...255).map { $0 } + (UInt8(1)...255).reversed())
            bytes.append(UInt8(ascii: "\n"))
            for length in [1, 2, 255, bytes.count] {
                var written = Array(bytes.suffix(length))
                var expected = Array(bytes.suffix(length))
                let version = try await store.register(Secret(consumingBytes: &written), for: name("alice"))
                let opened = try await store.secret(for: name("alice"), version: version)
                let isSame = try opened.matches(Secret(consumingBytes: &expected))
                try require(isSame, "a secret of \(length) bytes was not kept as it was registered")
            }
        },
        Requirement("versions grow with every registration and are not used again after a removal") { store in
            var last = CredentialVersion(rawValue: 0)
            for (round, password) in ["one", "one", "two", "one"].enumerated() {
                if round > 1 { try await store.remove(name("alice")) }
                let version = try await register(store, password, for: "alice")
                try require(version > last, "version \(version.rawValue) follows version \(last.rawValue)")
                last = version
            }
        },
        Requirement("a newer credential takes the place of the older, which is not opened any more") { store in
            let first = try await register(store, "first", for: "alice")
            let second = try await register(store, "second", for: "alice")
            try await mustBeUsable(store, "alice", second)
            try await mustRefuse(store, "alice", first, because: .superseded)
            try await mustOpen(store, "alice", second, as: "second")
            let future = CredentialVersion(rawValue: second.rawValue + 1)
            try await mustRefuse(store, "alice", future, because: .superseded)
        },
        Requirement("a removed credential is gone, and its version does not open a later one") { store in
            let first = try await register(store, "first", for: "alice")
            try require("whether it was removed", await store.remove(name("alice")), is: true)
            try require("whether it was removed again", await store.remove(name("alice")), is: false)
            try await mustBeBadLogin(store, "alice", because: .missing)
            try await mustRefuse(store, "alice", first, because: .notFound)
            try require("the status", await store.status(of: name("alice")), is: nil)
            let second = try await register(store, "second", for: "alice")
            try await mustRefuse(store, "alice", first, because: .superseded)
            try await mustOpen(store, "alice", second, as: "second")
        },
        Requirement("accounts do not get in each other's way") { store in
            let alice = try await register(store, "of alice", for: "alice")
            let bob = try await register(store, "of bob", for: "bob")
            try await store.record(.rejected(.rejected), for: name("bob"), version: bob)
            try await mustOpen(store, "alice", alice, as: "of alice")
            try await store.remove(name("bob"))
            try await mustBeUsable(store, "alice", alice)
            try await mustBeBadLogin(store, "bob", because: .missing)
        },
        Requirement("accounts are compared by their canonical form") { store in
            let version = try await register(store, "of the domain", for: #"MYCORP\alice"#)
            try await mustBeBadLogin(store, "alice", because: .missing)
            try await mustOpen(store, "Alice@mycorp", version, as: "of the domain")
            let newer = try await register(store, "newer", for: "alice@MYCORP")
            try await mustRefuse(store, #"MYCORP\alice"#, version, because: .superseded)
            try await store.record(.rejected(.expired), for: name("ALICE@mycorp"), version: newer)
            try await mustBeBadLogin(store, #"MYCORP\alice"#, because: .expired)
            try require("whether it was removed", await store.remove(name(#"mycorp\ALICE"#)), is: true)
            try await mustBeBadLogin(store, "alice@mycorp", because: .missing)
        },
        Requirement("an opened secret lives on its own") { store in
            let version = try await register(store, "correct horse", for: "alice")
            let opened = try await store.secret(for: name("alice"), version: version)
            do {
                let other = try await store.secret(for: name("alice"), version: version)
                try require(opened.matches(other), "opened twice, the secrets differ")
            }
            try await mustOpen(store, "alice", version, as: "correct horse")
            try await store.remove(name("alice"))
            let isSame = try opened.matches(secret("correct horse"))
            try require(isSame, "an opened secret changed when the credential was removed")
        },
        Requirement("nothing that is not the secret shows any of it") { store in
            let password = "Tr0ub4dor&3"
            let version = try await register(store, password, for: "alice")
            try await store.record(.rejected(.rejected), for: name("alice"), version: version)
            var texts = ["\(store)", String(reflecting: store), "\(try await status(store, "alice"))"]
            dump(store, to: &texts[0])
            texts.append("\(try await store.check(name("alice")))")
            for version in [version, CredentialVersion(rawValue: version.rawValue + 1)] {
                do {
                    _ = try await store.secret(for: name("alice"), version: version)
                } catch {
                    texts.append("\(error) \(String(reflecting: error))")
                }
            }
            try require(!texts.contains { $0.contains(password) }, "the secret shows in one of \(texts.count) texts")
        },
    ]
}
