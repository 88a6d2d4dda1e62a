import SystemPackage

extension ResolutionContext {
    /// Asks the directory for an account, in the places the policy names and in its order.
    ///
    /// A qualified name is asked as it is. A bare name belongs to the host domain where there is one. Otherwise it is a
    /// local account first and then one of each visible domain in turn, until one knows it. A directory that fails
    /// ends the search: it must not look like a domain that does not know the account.
    ///
    /// - Parameter name: The name as somebody wrote it.
    /// - Returns: The account and the name it was found by.
    /// - Throws: ``ResolutionStop`` when no place knows the account, or one could not be asked.
    mutating func find(_ name: AccountName) async throws(ResolutionStop) -> FoundAccount {
        let places = try places(of: name)
        let names = places.map(\.name.spelling)
        let tried = names.count > 1 ? ", tried in this order: \(names.joined(separator: ", "))" : ""
        let asked = names.count == 1 ? names[0] : name.spelling
        return try await found(
            otherwise: "the directory knows no account \(asked)\(tried)",
            "create the account on this host, or name another one"
        ) { search throws(ResolutionStop) in
            try await search.look(for: name, in: places)
        }
    }

    /// Looks for an account, and once more before it is said not to be there.
    ///
    /// The first look may take what is remembered, from before the directory was in reach. So nothing that was asked before the
    /// directory has said that its word is worth it is said of an account that is missing.
    ///
    /// - Parameters:
    ///   - message: What is said where there is none.
    ///   - remedy: What to do about it.
    ///   - look: Looks for it in the directory of the context that it is given; what it notes there is part of the decision.
    /// - Returns: What was found.
    /// - Throws: ``ResolutionStop`` where nothing was, or the directory could not be asked.
    mutating func found<Found>(
        otherwise message: String,
        _ remedy: String,
        _ look: (_ search: inout ResolutionContext) async throws(ResolutionStop) -> Found?
    ) async throws(ResolutionStop) -> Found {
        let start = explanation
        if let found = try await look(&self) { return found }
        let doubts = await directory.reasonsToDoubtAbsence()
        guard doubts.isEmpty else {
            let reasons = doubts.joined(separator: "; ")
            throw badLogin(.accountUnconfirmed, "\(message), and there may be one; \(reasons); or \(remedy)")
        }
        let remembering = directory
        directory = CurrentAnswers(of: remembering)
        defer { directory = remembering }
        explanation = start
        guard let found = try await look(&self) else {
            throw badLogin(.accountNotFound, "\(message); \(remedy)")
        }
        return found
    }

    private mutating func badLogin(_ reason: BadLogin.Reason, _ message: String) -> ResolutionStop {
        note(reason.description, from: .builtIn, message)
        return .badLogin(BadLogin(reason, message: message))
    }

    /// Whether two names mean one account, because the directory answers both with the same account.
    ///
    /// Equal user ids are not enough: an alias shares the user id and may have other groups. The canonical name has to
    /// be the same, and to be the answer to both questions.
    mutating func areOneAccount(_ left: AccountName, _ right: AccountName) async throws(ResolutionStop) -> Bool {
        // The answer keeps the user part of the question (NameAgreementRule), so nothing else can be one account.
        guard left.user.lowercased() == right.user.lowercased() else { return false }
        // What is noted on the way to accounts is not part of the decision.
        let start = explanation
        guard let first = try await look(for: left, in: places(of: left)),
            let second = try await look(for: right, in: places(of: right))
        else {
            explanation = start
            return false
        }
        explanation = start
        return first.account.name == second.account.name
            && first.account.userID == second.account.userID
            && NameAgreementRule.agree(asked: first.askedFor, answer: first.account.name)
            && NameAgreementRule.agree(asked: second.askedFor, answer: second.account.name)
    }

    /// Asks in one place after the other until one knows the account.
    private mutating func look(
        for name: AccountName,
        in places: [Place]
    ) async throws(ResolutionStop) -> FoundAccount? {
        var passedOver: AccountName?
        for place in places {
            if let account = try await ask(place.name) {
                if let passedOver { try await expectAbsence(of: passedOver, before: place.name) }
                if let rule = place.rule { note(rule, from: place.source, "\(name) is \(place.name)") }
                return FoundAccount(account: account, askedFor: place.name)
            }
            if let rule = place.rule { note(rule, from: place.source, "there is no account \(place.name)") }
            if place.name.isQualified, passedOver == nil { passedOver = place.name }
        }
        return nil
    }

    /// Goes on from a domain to the next one only where it is known that it has no such account: whoever has that name in the next
    /// one is somebody else, and would run the jobs of the first one's as long as that is away.
    ///
    /// The place of local accounts is not asked about. The local files are always there.
    private mutating func expectAbsence(of name: AccountName, before next: AccountName) async throws(ResolutionStop) {
        let doubts = await directory.reasonsToDoubtAbsence()
        guard !doubts.isEmpty else { return }
        throw badLogin(
            .accountUnconfirmed,
            "the directory knows no account \(name), and there may be one, so \(next) may be somebody else; "
                + "\(doubts.joined(separator: "; ")); or name the account with its domain"
        )
    }

    /// One place an account is looked for, and the rule that says so.
    private struct Place {
        let name: AccountName
        var rule: String?
        var source: RuleSource = .builtIn
    }

    private func places(of name: AccountName) throws(ResolutionStop) -> [Place] {
        guard !name.isQualified else { return [Place(name: name)] }
        if let domain = naming.hostDomain {
            let source = policy.hostDomain.source
            let key = "worker_host_domain"
            return [Place(name: try put(name, into: domain, key, source), rule: "hostDomain", source: source)]
        }
        let domains = policy.visibleDomains
        var places = [Place(name: name, rule: domains.value.isEmpty ? nil : "localAccount")]
        for domain in domains.value {
            let qualified = try put(name, into: domain, "visible_domains", domains.source)
            places.append(Place(name: qualified, rule: "visibleDomain", source: domains.source))
        }
        return places
    }

    private func put(
        _ name: AccountName,
        into domain: String,
        _ key: String,
        _ source: RuleSource
    ) throws(ResolutionStop) -> AccountName {
        do throws(AccountNameError) {
            return try naming.name(name, in: domain)
        } catch {
            throw .undecided(
                .invalidPolicy,
                message: "\(key) (\(source)) puts account \(name) into the domain \"\(domain.printable())\", but "
                    + "\(error); write the domain alone, such as MYCORP",
                underlyingError: error
            )
        }
    }

    private func ask(_ name: AccountName) async throws(ResolutionStop) -> Account? {
        do throws(AccountDirectoryError) {
            // Only a current answer may grant something new: never a stale one.
            return try await directory.account(named: name, freshness: .cached)
        } catch {
            throw .directory(error, "account \(name) could not be looked up")
        }
    }
}
