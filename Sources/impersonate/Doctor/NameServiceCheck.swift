import Impersonation
import QubeCompatibility
import SystemPackage

/// Whether the name service answers, and whether what the worker runs as would pass the rules.
struct NameServiceCheck {
    let worker: Worker

    func findings() async -> [Finding] {
        await ask() + groups() + lookups
    }

    /// Which way questions go, whether what hangs can be stopped, and what an answer may be worth.
    private var lookups: [Finding] {
        get async {
            do throws(AccountDirectoryError) {
                let route = try await NSSAccountDirectory(syntax: worker.configuration.nameSyntax).route()
                return [finding(route)] + route.doubts.map { Finding("directories", .warning, saying: $0) }
            } catch {
                return [failure("lookups", error.description)]
            }
        }
    }

    private func finding(_ route: NSSAccountDirectory.Route) -> Finding {
        let check = "lookups"
        let reasons = route.refusals.isEmpty ? "" : " (\(route.refusals.joined(separator: "; ")))"
        switch route.way {
        case .local: return Finding(check, .ok, "by this process: nobody outside of this machine is asked")
        case .lookupProcess(let helper): return Finding(check, .ok, "by \(helper) --lookup, without privileges")
        case .getent(let program):
            return Finding(
                check,
                .warning,
                "by \(program), some milliseconds each\(reasons)",
                remedy: "install impersonation-helper (make install-helper)"
            )
        case .threads:
            return Finding(
                check,
                .warning,
                "by threads of the daemon, which a directory that hangs keeps for minutes\(reasons)",
                remedy: "install impersonation-helper (make install-helper)"
            )
        }
    }

    /// Whether the directory knows the groups that the configuration names; there is none of these where it names none.
    private func groups() async -> [Finding] {
        let configuration = worker.configuration
        let denied = configuration.deniedGroups
        let allowed = configuration.allowedGroups
        guard !denied.value.isEmpty || allowed.value != nil else { return [] }
        let check = "groups"
        do throws(AccountDirectoryError) {
            let unknown = try await unknown(among: denied.value)
            guard unknown.isEmpty else {
                return [
                    Finding(
                        check,
                        .failed,
                        "denied_groups (\(denied.source)): the directory does not know \(unknown.joined(separator: ", ")), and "
                            + "so no job runs",
                        remedy: "correct the name, take it off the list, or make the group"
                    )
                ]
            }
            let groups = allowed.value ?? []
            let strangers = try await self.unknown(among: groups)
            guard strangers.isEmpty else {
                let nobody = strangers.count == groups.count
                return [
                    Finding(
                        check,
                        nobody ? .failed : .warning,
                        "allowed_groups (\(allowed.source)): the directory does not know \(strangers.joined(separator: ", "))"
                            + (nobody ? ", and so no job runs" : ", which allows nobody"),
                        remedy: "correct the name, take it off the list, or make the group"
                    )
                ]
            }
            return [Finding(check, .ok, "the directory knows those of denied_groups and allowed_groups")]
        } catch {
            return [failure(check, error.description)]
        }
    }

    /// Those that the directory does not know; a number is a group whether it is known or not.
    private func unknown(among groups: [GroupReference]) async throws(AccountDirectoryError) -> [String] {
        var unknown: [String] = []
        for group in groups {
            guard case .named(let name) = group,
                try await worker.directory.groupID(named: name, freshness: .current) == nil
            else { continue }
            unknown.append(group.description)
        }
        return unknown
    }

    private func ask() async -> [Finding] {
        let policy = worker.configuration.policy
        let request = ExecutionRequest(login: policy.proxyAccount.value)
        switch policy.mode.value {
        case .proxy: return await [decision("proxy account", request)]
        case .desktop: return await [decision("worker's account", request)]
        case .user: return await [nameService]
        }
    }

    /// In user mode there is no account that every job needs: the superuser's stands for all of them.
    private var nameService: Finding {
        get async {
            do throws(AccountDirectoryError) {
                let account = try await worker.directory.account(withID: UserID(rawValue: 0), freshness: .current)
                guard account != nil else {
                    return Finding(
                        "name service",
                        .failed,
                        "answers, and knows no account with user id 0",
                        remedy: "look after nsswitch.conf and the local accounts"
                    )
                }
                return Finding("name service", .ok, "answers")
            } catch {
                return failure("name service", error.description)
            }
        }
    }

    /// Asks the resolver itself, so that the name service, the policy and every rule have their say.
    private func decision(_ check: String, _ request: ExecutionRequest) async -> Finding {
        do throws(ResolutionError) {
            let resolution = try await worker.resolver.resolve(request)
            guard let identity = resolution.identity else {
                let source = resolution.explanation.entries.last.map { " (\($0.rule) at \($0.source))" } ?? ""
                var finding = Finding(
                    check,
                    .failed,
                    saying: resolution.message,
                    else: "impersonate explain tells more"
                )
                finding.found = "\(resolution.reason): \(finding.found)\(source)"
                return finding
            }
            let account = identity.account
            return Finding(
                check,
                .ok,
                "\(account.name), user id \(account.userID.rawValue), \(account.groups.count) groups, passes every rule"
            )
        } catch {
            return failure(check, error.message)
        }
    }

    /// Says what a message says, which mostly ends in what to do.
    private func failure(_ check: String, _ message: String) -> Finding {
        Finding(check, .failed, saying: message, else: "look after the name service (getent passwd) and nsswitch.conf")
    }
}
