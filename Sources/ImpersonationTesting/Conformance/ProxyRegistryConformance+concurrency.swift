import FoundationEssentials
import Impersonation

extension ProxyRegistryConformance {
    /// How many attempts run at a time.
    static let attempts = 1_000

    static let concurrencyRequirements: [Requirement] = [
        Requirement("of 1,000 bindings at a time that replace, one stands and the others form one line") { registry in
            let outcomes = try await bindConcurrently(registry, onConflict: .replace)
            try await requireLinearHistory(outcomes, in: registry)
        },
        Requirement("of 1,000 bindings at a time that must not replace, one stands and 999 are refused") { registry in
            let outcomes = try await bindConcurrently(registry, onConflict: .refuse)
            let bound = outcomes.compactMap { outcome -> Binding? in
                guard case .bound(let binding, nil) = outcome else { return nil }
                return binding
            }
            try require("the number of bindings made", bound.count, is: 1)
            for case .refused(let denial, let standing) in outcomes {
                try require("the reason of a refusal", denial.reason, is: .boundToAnotherAccount)
                try require("the binding that stood", standing, is: bound.first)
            }
            try await mustBeBound(registry, "alice", bound.first)
        },
        Requirement("a binding never outlives its grant while grants come and go") { registry in
            try await registry.add(grant("alice", "etl"))
            try await withThrowingTaskGroup { group in
                group.addTask {
                    for _ in 0..<attempts / 4 {
                        try await registry.add(grant("alice", "render"))
                        await Task.yield()
                        try await registry.revoke(login: name("alice"), account: name("render"))
                        await Task.yield()
                        try await requireGrantedBinding(registry)
                    }
                }
                group.addTask {
                    for _ in 0..<attempts / 4 {
                        try await registry.revokeAll(login: name("alice"))
                        await Task.yield()
                        try await requireGrantedBinding(registry)
                        try await registry.add(grant("alice", "etl"))
                        await Task.yield()
                    }
                }
                for account in ["render", "etl"] {
                    group.addTask {
                        for attempt in 0..<attempts / 2 {
                            _ = try await bind(registry, "alice", to: account, at: now + Double(attempt))
                            await Task.yield()
                            try await requireGrantedBinding(registry)
                        }
                    }
                }
                try await group.waitForAll()
            }
            _ = try await bind(registry, "alice", to: "etl")
            try await registry.revokeAll(login: name("alice"))
            try await mustBeBound(registry, "alice", nil)
        },
        Requirement("of two grants at a time that would form a chain, at most one is added") { registry in
            for round in 0..<attempts / 10 {
                let chain = (try grant("first\(round)", "middle\(round)"), try grant("middle\(round)", "last\(round)"))
                async let left = isAdded(chain.0, to: registry)
                async let right = isAdded(chain.1, to: registry)
                let added = try await (left, right)
                try require(added.0 != added.1, "of two grants in a chain \(added) were added, expected exactly one")
            }
        },
    ]

    /// Grants one login many accounts and binds it to all of them at a time, each at a moment of its own.
    private static func bindConcurrently(
        _ registry: any ProxyRegistry,
        onConflict conflict: BindingConflict
    ) async throws -> [BindingOutcome] {
        for attempt in 0..<attempts { try await registry.add(grant("alice", "proxy\(attempt)")) }
        return try await withThrowingTaskGroup { group in
            for attempt in 0..<attempts {
                group.addTask {
                    try await bind(
                        registry,
                        "alice",
                        to: "proxy\(attempt)",
                        onConflict: conflict,
                        at: now + Double(attempt)
                    )
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// Follows the bindings from the one that stands back to the first: every one of them must be on the way.
    private static func requireLinearHistory(_ outcomes: [BindingOutcome], in registry: any ProxyRegistry) async throws
    {
        var replacedBy: [Binding: Binding?] = [:]
        for outcome in outcomes {
            guard case .bound(let binding, let replaced) = outcome else {
                throw Violation(message: "a binding that replaces gave \(outcome)")
            }
            replacedBy[binding] = .some(replaced)
        }
        try require("the number of different bindings", replacedBy.count, is: outcomes.count)
        var next = try await registry.standing(of: name("alice")).binding
        for remaining in stride(from: outcomes.count, to: 0, by: -1) {
            guard let binding = next, let earlier = replacedBy.removeValue(forKey: binding) else {
                let text = next.map { "\($0.account), which was not made or was replaced twice" } ?? "nothing"
                throw Violation(message: "the history leads to \(text) with \(remaining) bindings not accounted for")
            }
            next = earlier
        }
        try require("what the first binding replaced", next, is: nil)
    }

    /// Reads the standing of the login, in which a binding without its grant must never be seen.
    private static func requireGrantedBinding(_ registry: any ProxyRegistry) async throws {
        let standing = try await registry.standing(of: name("alice"))
        guard let binding = standing.binding else { return }
        try require(
            standing.grants.contains { $0.account == binding.account },
            "alice is bound to \(binding.account) without a grant"
        )
    }

    /// Adds a grant and says whether it was added or would have let a proxy account act for others.
    private static func isAdded(_ grant: Grant, to registry: any ProxyRegistry) async throws -> Bool {
        do {
            try await registry.add(grant)
            return true
        } catch {
            guard error.code == .proxyMayNotProxy else { throw error }
            return false
        }
    }
}
