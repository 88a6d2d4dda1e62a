import FoundationEssentials
import Impersonation

extension ProxyRegistryConformance {
    static let grantRequirements: [Requirement] = [
        Requirement("an unknown login has no grants, no binding, and is no proxy account") { registry in
            let standing = try await registry.standing(of: name("alice"))
            try require(
                "the standing",
                standing,
                is: ProxyStanding(login: name("alice"), grants: [], binding: nil, isProxyAccount: false)
            )
            try require("the list of grants", await registry.grants(for: nil), is: [])
        },
        Requirement("a grant is kept with its end and its networks") { registry in
            let limited = try grant("alice", "etl", until: now, addresses: networks("10.222.0.0/16", "2001:db8::/32"))
            let nowhere = try grant("alice", "nowhere", addresses: .networks([]))
            let endless = try grant("alice", "render")
            for grant in [endless, limited, nowhere] { try await registry.add(grant) }
            let standing = try await registry.standing(of: name("alice"))
            try require("the grants in the standing", Set(standing.grants), is: [limited, nowhere, endless])
            try require(
                "the list of grants",
                await registry.grants(for: name("alice")),
                is: [limited, nowhere, endless]
            )
        },
        Requirement("grants are listed by login and account, ended ones too") { registry in
            let grants = [
                try grant("Zoe", "render"),
                try grant("alice", "a-1"),
                try grant("alice", "a.1"),
                try grant("alice", "a1", until: now - 86_400),
                try grant("alice-b", "render"),
                try grant("bob", "etl"),
            ]
            for grant in grants.reversed() { try await registry.add(grant) }
            try require("everybody's grants", await registry.grants(for: nil), is: grants)
            try require("the grants of alice", await registry.grants(for: name("alice")), is: Array(grants[1...3]))
            try require("the grants of nobody", await registry.grants(for: name("nobody")), is: [])
        },
        Requirement("a grant for the same pair is replaced and the binding that rests on it stays") { registry in
            try await registry.add(grant("alice", "render"))
            let (binding, _) = try await mustBind(registry, "alice", to: "render")
            let narrowed = try grant("alice", "render", until: now, addresses: networks("10.0.0.1"))
            try await registry.add(narrowed)
            try require("the list of grants", await registry.grants(for: nil), is: [narrowed])
            try await mustBeBound(registry, "alice", binding)
        },
        Requirement("names are compared by their canonical form") { registry in
            try await registry.add(grant(#"MYCORP\alice"#, "render"))
            try await registry.add(grant("Alice@mycorp", "render", until: now))
            try require("the number of grants", await registry.grants(for: nil).count, is: 1)
            try await mustRefuse(registry, "alice", to: "render", because: .notGranted)
            let login = try name("ALICE@MYCORP")
            let outcome = try await registry.bind(
                login,
                to: name("render"),
                onConflict: .refuse,
                at: now,
                from: nil
            )
            guard case .bound(let binding, nil) = outcome else {
                throw Violation(message: "binding \(login) gave \(outcome), expected a binding")
            }
            try await mustBeBound(registry, #"mycorp\Alice"#, binding)
            try require(
                "whether the grant was revoked",
                await registry.revoke(login: login, account: name("render")),
                is: true
            )
        },
        Requirement("a grant to act as oneself is refused") { registry in
            try await mustRefuse(registry, grant("alice", "alice"), because: .selfGrant)
            try await mustRefuse(registry, grant(#"MYCORP\alice"#, "alice@mycorp"), because: .selfGrant)
        },
        Requirement("an account that others may act as gets no grant") { registry in
            try await registry.add(grant("alice", "render"))
            try await mustRefuse(registry, grant("render", "etl"), because: .proxyMayNotProxy)
            let standing = try await registry.standing(of: name("render"))
            try require("whether render is a proxy account", standing.isProxyAccount, is: true)
            try await mustRefuse(registry, "render", to: "etl", because: .proxyMayNotProxy)
        },
        Requirement("nobody gets a grant for an account that acts for others") { registry in
            try await registry.add(grant("alice", "render"))
            try await mustRefuse(registry, grant("bob", "alice"), because: .proxyMayNotProxy)
            try await mustRefuse(registry, grant("render", "alice"), because: .proxyMayNotProxy)
            let standing = try await registry.standing(of: name("alice"))
            try require("whether alice is a proxy account", standing.isProxyAccount, is: false)
        },
        Requirement("a proxy account is one until the last grant for it is revoked, not only until it ends") {
            registry in
            try await registry.add(grant("alice", "render", until: now - 86_400))
            try await registry.add(grant("bob", "render", until: now - 86_400))
            try await mustRefuse(registry, grant("render", "etl"), because: .proxyMayNotProxy)
            try await mustRefuse(registry, grant("carol", "alice"), because: .proxyMayNotProxy)
            try await registry.revoke(login: name("alice"), account: name("render"))
            try await mustRefuse(registry, grant("render", "etl"), because: .proxyMayNotProxy)
            try await registry.revokeAll(login: name("bob"))
            try await registry.add(grant("render", "etl"))
            try await registry.add(grant("carol", "alice"))
            let standing = try await registry.standing(of: name("render"))
            try require("whether render is a proxy account", standing.isProxyAccount, is: false)
        },
        Requirement("a replaced grant counts once") { registry in
            try await registry.add(grant("alice", "render"))
            try await registry.add(grant("alice", "render", until: now))
            try await registry.revoke(login: name("alice"), account: name("render"))
            try await registry.add(grant("render", "etl"))
            try require("the list of grants", await registry.grants(for: nil), is: [grant("render", "etl")])
        },
    ]

    static let revocationRequirements: [Requirement] = [
        Requirement("revoking ends one grant and says whether there was one") { registry in
            for account in ["etl", "render"] { try await registry.add(grant("alice", account)) }
            try await registry.add(grant("bob", "render"))
            let (alice, render) = (try name("alice"), try name("render"))
            try require("revoking a grant", await registry.revoke(login: alice, account: render), is: true)
            try require("revoking it again", await registry.revoke(login: alice, account: render), is: false)
            try require("revoking the reverse", await registry.revoke(login: render, account: alice), is: false)
            let left = [try grant("alice", "etl"), try grant("bob", "render")]
            try require("the list of grants", await registry.grants(for: nil), is: left)
            try await mustRefuse(registry, "alice", to: "render", because: .notGranted)
        },
        Requirement("revoking a grant clears the binding that rests on it and no other") { registry in
            for account in ["etl", "render"] { try await registry.add(grant("alice", account)) }
            try await registry.add(grant("bob", "render"))
            let (alice, _) = try await mustBind(registry, "alice", to: "etl")
            let (bob, _) = try await mustBind(registry, "bob", to: "render")
            try await registry.revoke(login: name("alice"), account: name("render"))
            try await mustBeBound(registry, "alice", alice)
            try await registry.revoke(login: name("alice"), account: name("etl"))
            try await mustBeBound(registry, "alice", nil)
            try await mustBeBound(registry, "bob", bob)
        },
        Requirement("a binding does not come back with its grant") { registry in
            try await registry.add(grant("alice", "render"))
            _ = try await mustBind(registry, "alice", to: "render")
            try await registry.revoke(login: name("alice"), account: name("render"))
            try await registry.add(grant("alice", "render"))
            try await mustBeBound(registry, "alice", nil)
        },
        Requirement("revoking everything ends every grant and the binding of one login only") { registry in
            for account in ["etl", "hive", "render"] { try await registry.add(grant("alice", account)) }
            try await registry.add(grant("bob", "render"))
            _ = try await mustBind(registry, "alice", to: "hive")
            let (bob, _) = try await mustBind(registry, "bob", to: "render")
            try require("the grants revoked", await registry.revokeAll(login: name("alice")), is: 3)
            try require("the grants revoked again", await registry.revokeAll(login: name("alice")), is: 0)
            try require("those of a proxy account", await registry.revokeAll(login: name("render")), is: 0)
            try require("the list of grants", await registry.grants(for: nil), is: [grant("bob", "render")])
            try await mustBeBound(registry, "alice", nil)
            try await mustBeBound(registry, "bob", bob)
        },
    ]
}
