import FoundationEssentials
import Impersonation

extension ProxyRegistryConformance {
    static let bindingRequirements: [Requirement] = [
        Requirement("a login is bound to a granted account from that moment on") { registry in
            try await registry.add(grant("alice", "render"))
            let (binding, replaced) = try await mustBind(registry, "alice", to: "render", onConflict: .refuse)
            try require("when the login was bound", binding.since, is: now)
            try require("the binding it replaced", replaced, is: nil)
            try await mustBeBound(registry, "alice", binding)
        },
        Requirement("without a grant a login is not bound, and what it was bound to stands") { registry in
            try await mustRefuse(registry, "alice", to: "render", because: .notGranted)
            try await registry.add(grant("alice", "etl"))
            _ = try await mustBind(registry, "alice", to: "etl")
            for conflict in [BindingConflict.replace, .refuse] {
                try await mustRefuse(registry, "alice", to: "render", onConflict: conflict, because: .notGranted)
            }
            try await registry.add(grant("bob", "render"))
            try await mustRefuse(registry, "alice", to: "render", because: .notGranted)
        },
        Requirement("a grant holds at its last moment and not a second later") { registry in
            try await registry.add(grant("alice", "etl"))
            try await registry.add(grant("alice", "render", until: now))
            let (etl, _) = try await mustBind(registry, "alice", to: "etl")
            try await mustRefuse(registry, "alice", to: "render", at: now + 1, because: .grantExpired)
            let (_, replaced) = try await mustBind(registry, "alice", to: "render", at: now)
            try require("the binding it replaced", replaced, is: etl)
        },
        Requirement("a grant holds for its networks only") { registry in
            try await registry.add(grant("alice", "etl", addresses: .networks([])))
            try await registry.add(grant("alice", "render", addresses: networks("10.222.0.0/16", "10.0.0.11")))
            for address in ["10.223.0.1", "10.0.0.1", "::1", "", "nonsense", nil] {
                try await mustRefuse(registry, "alice", to: "render", from: address, because: .grantNotForAddress)
            }
            for address in ["10.222.9.1", nil] {
                try await mustRefuse(registry, "alice", to: "etl", from: address, because: .grantNotForAddress)
            }
            _ = try await mustBind(registry, "alice", to: "render", from: "10.222.9.1")
        },
        Requirement("a second binding replaces the first when it may") { registry in
            for account in ["etl", "render"] { try await registry.add(grant("alice", account)) }
            let (first, _) = try await mustBind(registry, "alice", to: "etl")
            let (second, replaced) = try await mustBind(registry, "alice", to: "render", at: now + 1)
            try require("the binding it replaced", replaced, is: first)
            try await mustBeBound(registry, "alice", second)
        },
        Requirement("a second binding is refused when the first must stand") { registry in
            for account in ["etl", "render"] { try await registry.add(grant("alice", account)) }
            _ = try await mustBind(registry, "alice", to: "etl", onConflict: .refuse)
            try await mustRefuse(
                registry,
                "alice",
                to: "render",
                onConflict: .refuse,
                because: .boundToAnotherAccount
            )
        },
        Requirement("binding again to the same account changes nothing, but needs the grant") { registry in
            try await registry.add(grant("alice", "render", until: now + 60))
            let (first, _) = try await mustBind(registry, "alice", to: "render")
            for conflict in [BindingConflict.replace, .refuse] {
                let again = try await mustBind(registry, "alice", to: "render", onConflict: conflict, at: now + 1)
                try require("the binding", again.binding, is: first)
                try require("the binding it replaced", again.replaced, is: nil)
                try await mustRefuse(
                    registry,
                    "alice",
                    to: "render",
                    onConflict: conflict,
                    at: now + 61,
                    because: .grantExpired
                )
            }
        },
        Requirement("a binding whose grant has ended stands in nobody's way") { registry in
            try await registry.add(grant("alice", "etl", until: now))
            try await registry.add(grant("alice", "render"))
            let (first, _) = try await mustBind(registry, "alice", to: "etl")
            try await mustRefuse(
                registry,
                "alice",
                to: "render",
                onConflict: .refuse,
                at: now,
                because: .boundToAnotherAccount
            )
            let (_, replaced) = try await mustBind(registry, "alice", to: "render", onConflict: .refuse, at: now + 1)
            try require("the binding it replaced", replaced, is: first)
        },
        Requirement("a binding whose grant does not hold for the address of a request still stands") { registry in
            try await registry.add(grant("alice", "etl", addresses: networks("10.0.0.1")))
            try await registry.add(grant("alice", "render"))
            _ = try await mustBind(registry, "alice", to: "etl", from: "10.0.0.1")
            try await mustRefuse(
                registry,
                "alice",
                to: "render",
                onConflict: .refuse,
                from: "10.0.0.2",
                because: .boundToAnotherAccount
            )
        },
        Requirement("binding a login to itself clears its binding, needs no grant and is no conflict") { registry in
            try await registry.add(grant("alice", "render"))
            for conflict in [BindingConflict.replace, .refuse] {
                let (binding, _) = try await mustBind(registry, "alice", to: "render")
                let outcome = try await bind(registry, "alice", to: "alice", onConflict: conflict)
                try require("the outcome", outcome, is: .cleared(binding))
                try await mustBeBound(registry, "alice", nil)
                let again = try await bind(registry, "alice", to: "alice", onConflict: conflict)
                try require("the outcome of doing it again", again, is: .cleared(nil))
            }
            let proxy = try await bind(registry, "render", to: "render")
            try require("the outcome for a proxy account", proxy, is: .cleared(nil))
        },
        Requirement("clearing gives the binding that was cleared, and keeps the grants") { registry in
            try await registry.add(grant("alice", "render"))
            let (binding, _) = try await mustBind(registry, "alice", to: "render")
            try require("the binding of bob", await registry.clearBinding(of: name("bob")), is: nil)
            try require("the binding of alice", await registry.clearBinding(of: name("alice")), is: binding)
            try require("the binding after that", await registry.clearBinding(of: name("alice")), is: nil)
            try await mustBeBound(registry, "alice", nil)
            try require("the list of grants", await registry.grants(for: nil), is: [grant("alice", "render")])
        },
        Requirement("several logins act as one account, each by a binding of its own") { registry in
            for login in ["alice", "bob"] { try await registry.add(grant(login, "render")) }
            let (alice, _) = try await mustBind(registry, "alice", to: "render", onConflict: .refuse)
            let (bob, replaced) = try await mustBind(registry, "bob", to: "render", onConflict: .refuse, at: now + 1)
            try require("the binding it replaced", replaced, is: nil)
            try await registry.clearBinding(of: name("bob"))
            try await mustBeBound(registry, "alice", alice)
            try await mustBeBound(registry, "bob", nil)
            try require("since when bob was bound", bob.since, is: now + 1)
        },
    ]
}
