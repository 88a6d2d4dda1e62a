import LaunchPlan
import SystemPackage

extension HelperPolicy {
    /// Decides whether a process may connect.
    ///
    /// - Parameters:
    ///   - peer: The user id of the connection (`SO_PEERCRED`, `socket(7)`).
    ///   - groups: Every group of the connection (`SO_PEERCRED` and `SO_PEERGROUPS`).
    /// - Returns: Whether it may. User id 0 may when it is named as a user; a group does not let it in.
    package func permits(peer: UInt32, groups: [UInt32]) -> PolicyDecision {
        guard peer != PolicyIdentity.unchanged else { return .forbidden }
        return peers.contains(user: peer, groups: peer == 0 ? [] : groups)
    }

    /// Whether something depends on the groups of an account beside those that are known: one that is not known may deny it, may make
    /// a peer of it, or may be what permits it.
    ///
    /// The groups of a *job* are those that its daemon names, and no others.
    ///
    /// - Parameters:
    ///   - groups: The groups of the account that are known.
    ///   - user: Its user id.
    /// - Returns: Whether all of them have to be known.
    package func otherGroupsMatter(than groups: [UInt32], of user: UInt32) -> Bool {
        // Whom a group that is known denies, no other one permits.
        guard deniedAccounts.contains(user: user, groups: groups) == .forbidden else { return false }
        guard deniedAccounts.groups.isEmpty, peers.groups.isEmpty else { return true }
        return !accounts.groups.isEmpty && !accounts.contains(user: user, groups: groups).isPermitted
    }

    /// What a process is told that may not connect.
    package func refusal(ofPeer peer: UInt32) -> PolicyRefusal {
        PolicyRefusal(
            .peer,
            "user id \(peer) may not use the helper; root can name it in `peers` of \(path.string.onOneLine)",
            detail: "\(place(.peers)): uid \(peer) is not among the peers"
        )
    }

    /// What a peer is told of an account that the helper's own look-up did not find.
    ///
    /// To the letter what it is told of an account that exists and is not permitted.
    package func refusal(ofUnknownAccount account: [UInt8]) -> PolicyRefusal {
        accountRefusal(account, "the name service does not know it")
    }

    /// Decides a launch.
    ///
    /// The order is fixed, and what denies goes before what permits: the account (ids that no job ever has,
    /// `minimum-uid`, `denied-accounts`, `accounts`), each group (ids that no job ever has, `minimum-gid`, `denied-groups`,
    /// `groups`), `new-privileges`, `capability-bounding-set`, `when-daemon-ends`, `maximum-start-time`, `pam-sessions`, `pam-services`,
    /// `pam-session-idle`, `executable-directories` as far as the text of the path goes. No file is looked at and no name is looked up.
    ///
    /// Ask before the numbers of a request are compared with those of the account: what differs there tells that the
    /// account exists.
    ///
    /// - Parameter request: What is wanted.
    /// - Returns: The permission or the refusal.
    package func verdict(on request: PolicyRequest) -> PolicyVerdict {
        if let refusal = refusesAccount(request) ?? refusesGroups(request) ?? refusesPrivileges(request)
            ?? refusesTime(request) ?? refusesService(request) ?? refusesPrograms(request)
        {
            return .refused(refusal)
        }
        // Once more, from the words alone: one disturbed branch above permits nothing.
        let user = request.credentials.userID
        let decision = decision(user >= minimumUserID && !PolicyIdentity.isNever(user))
            .and(accounts.contains(user: user, groups: request.accountGroups))
            .and(opposite(of: deniedAccounts.contains(user: user, groups: request.allGroups)))
            .and(decision(!request.allJobGroups.contains { PolicyIdentity.isNever($0) || $0 < minimumGroupID }))
        guard decision.isPermitted else {
            return .refused(accountRefusal(request.account, "two looks at the policy had two results"))
        }
        return .permitted(
            PolicyPermit(decision: decision, credentials: request.credentials, executables: executables)
        )
    }

    private func decision(_ condition: Bool) -> PolicyDecision { condition ? .permitted : .forbidden }

    private func opposite(of decision: PolicyDecision) -> PolicyDecision {
        decision == .forbidden ? .permitted : .forbidden
    }

    private func refusesAccount(_ request: PolicyRequest) -> PolicyRefusal? {
        let user = request.credentials.userID
        if PolicyIdentity.isNever(user) {
            return accountRefusal(request.account, "no job ever has uid \(user)")
        }
        if user < minimumUserID {
            return accountRefusal(
                request.account,
                "\(place(.minimumUserID)): uid \(user) is below \(minimumUserID)"
            )
        }
        if deniedAccounts.contains(user: user, groups: request.allGroups) != .forbidden {
            return accountRefusal(request.account, "\(place(.deniedAccounts)): uid \(user) is denied")
        }
        guard accounts.contains(user: user, groups: request.accountGroups).isPermitted else {
            return accountRefusal(request.account, "\(place(.accounts)): uid \(user) is not among the accounts")
        }
        return nil
    }

    private func refusesGroups(_ request: PolicyRequest) -> PolicyRefusal? {
        for group in request.allJobGroups {
            if PolicyIdentity.isNever(group) {
                return groupRefusal(request, group, "no job ever has it", "remove the account from it")
            }
            if group < minimumGroupID {
                return groupRefusal(
                    request,
                    group,
                    "it is below the `minimum-gid` of \(minimumGroupID)",
                    "remove the account from it, or let root lower `minimum-gid`",
                    .minimumGroupID
                )
            }
            if deniedGroups.contains(user: group, groups: []) != .forbidden {
                return groupRefusal(
                    request,
                    group,
                    "it is denied",
                    "leave it out, or let root remove it from `denied-groups`",
                    .deniedGroups
                )
            }
            guard groups.contains(user: group, groups: []).isPermitted else {
                return groupRefusal(
                    request,
                    group,
                    "it is not permitted",
                    "leave it out, or let root add it to `groups`",
                    .groups
                )
            }
        }
        return nil
    }

    private func refusesPrivileges(_ request: PolicyRequest) -> PolicyRefusal? {
        if request.wantsNewPrivileges, !newPrivileges.isPermitted {
            return refusal(
                .newPrivileges,
                "may not gain privileges by an exec",
                "launch it with no_new_privs, or let root write `new-privileges = allowed`",
                .newPrivileges
            )
        }
        if request.wantsInheritedBoundingSet, !inheritedBoundingSet.isPermitted {
            return refusal(
                .boundingSet,
                "may not keep the capability bounding set of the helper",
                "let the set be emptied, or let root write `capability-bounding-set = inherited-allowed`",
                .capabilityBoundingSet
            )
        }
        if request.outlivesDaemon, !keepingJobs.isPermitted {
            return refusal(
                .outlivesDaemon,
                "may not stay when its daemon ends",
                "let it end with the daemon, or let root write `when-daemon-ends = keep-allowed`",
                .whenDaemonEnds
            )
        }
        return nil
    }

    private func refusesTime(_ request: PolicyRequest) -> PolicyRefusal? {
        guard request.startDeadline > maximumStartTime || request.startDeadline <= .zero else { return nil }
        return refusal(
            .startTime,
            "may take \(maximumStartTime.components.seconds) s until it runs, not \(request.startDeadline)",
            "shorten its start deadline, or let root raise `maximum-start-time`",
            .maximumStartTime
        )
    }

    private func refusesService(_ request: PolicyRequest) -> PolicyRefusal? {
        let isEnough =
            switch sessionDemand {
            case .optional: true
            case .required: request.service != nil
            case .authenticated: request.service != nil && request.authenticates
            }
        guard isEnough else {
            return refusal(
                .noSession,
                sessionDemand == .required
                    ? "has no session of PAM" : "has no session of PAM with its account's password",
                "launch it with the pam backend, or let root write `pam-sessions = optional`",
                .sessionDemand
            )
        }
        guard let service = request.service else { return nil }
        guard sessionServices.contains(where: { $0.utf8.elementsEqual(service) }) else {
            let name = String(decoding: service, as: UTF8.self).quoted
            return refusal(
                .service,
                "may have no session of the PAM service \(name)",
                "name one that is permitted, or let root add it to `pam-services`",
                .sessionServices
            )
        }
        if request.sharesSession, sessionIdleTime <= .zero {
            return refusal(
                .sharedSession,
                "may share no session of PAM with others",
                "launch it with a session of its own, or let root set `pam-session-idle`",
                .sessionIdleTime
            )
        }
        return nil
    }

    private func refusesPrograms(_ request: PolicyRequest) -> PolicyRefusal? {
        guard let executables else { return nil }
        guard !request.executables.isEmpty else {
            return ExecutableCheck.refusal(FilePath(), "no program is named", "name one")
        }
        for path in request.executables {
            if let refusal = executables.refusesText(of: path) { return refusal }
        }
        return nil
    }

    private func accountRefusal(_ account: [UInt8], _ detail: String) -> PolicyRefusal {
        let name = String(decoding: account, as: UTF8.self).quoted
        return PolicyRefusal(
            .account,
            "the policy of the helper permits no job as \(name); root can permit the account in "
                + path.string.onOneLine,
            detail: "account \(name): \(detail)"
        )
    }

    private func groupRefusal(
        _ request: PolicyRequest,
        _ group: UInt32,
        _ reason: String,
        _ remedy: String,
        _ key: PolicyKey? = nil
    ) -> PolicyRefusal {
        let name = String(decoding: request.account, as: UTF8.self).quoted
        let text = "a job as \(name) cannot have gid \(group): \(reason)"
        return PolicyRefusal(
            .group,
            "\(text); \(remedy)",
            detail: key.map { "\(place($0)): \(text)" } ?? text
        )
    }

    private func refusal(
        _ code: PolicyRefusal.Code,
        _ text: String,
        _ remedy: String,
        _ key: PolicyKey
    ) -> PolicyRefusal {
        PolicyRefusal(code, "the job \(text); \(remedy)", detail: "\(place(key)): a job \(text)")
    }

    /// The file, and the line of a key where the file sets it.
    private func place(_ key: PolicyKey) -> String {
        let file = path.string.onOneLine
        return lines[key].map { "\(file):\($0)" } ?? "\(file) (\(key.rawValue) is not set)"
    }
}

extension PolicyRequest {
    /// The groups that the job would have, the primary one first.
    fileprivate var allJobGroups: [UInt32] { [credentials.groupID] + credentials.groups }

    /// What denies a group denies it wherever it comes from.
    fileprivate var allGroups: [UInt32] { allJobGroups + accountGroups }
}
