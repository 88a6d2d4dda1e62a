import CLaunchPlan
import Glibc
import LaunchPlan
import SystemPackage

/// Looks at a started job from outside and compares it with what it was to become.
///
/// Nobody reaps the child meanwhile, so its id is its own, unless the host has the kernel reap its children.
struct Attestor {
    let credentials: ChildPlan.Credentials

    /// Whether the supplementary groups are the account's and not the daemon's own.
    let comparesGroups: Bool

    /// Whether the real, effective, saved and file system group ids are compared.
    var comparesGroupIDs = true

    /// The cgroup that the job cannot leave.
    let group: ExpectedGroup?

    /// What a look has shown.
    enum Verdict: Equatable {
        case agreement(Attestation)

        /// What differs, for a person.
        case difference(String)
    }

    /// Looks, as far as the policy says.
    ///
    /// - Parameters:
    ///   - child: The child, which has become the job.
    ///   - policy: Whether `/proc` is asked where the kernel does not tell.
    /// - Returns: Who has confirmed it, or what differs.
    func look(at child: StartedChild, _ policy: AttestationPolicy) -> Verdict {
        child.processDescriptor.withOpen { descriptor in
            do throws(Errno) {
                let found = try Self.kernelCredentials(descriptor)
                if let difference = difference(of: found) { return .difference(difference) }
                // A group that this process does not see has no number here to be compared, and may be nowhere.
                if let group, group.kernelID == nil { return lookInFiles(at: child.processID, descriptor) }
                return .agreement(.kernel)
            } catch .noSuchProcess where Self.isGone(descriptor) {
                return .agreement(.none(.jobHasEnded))
            } catch {
                guard policy == .always else { return .agreement(.none(.kernelDoesNotTell)) }
                return lookInFiles(at: child.processID, descriptor)
            }
        }
    }

    /// Asks the files of `/proc`; whatever they say of a process that has been reaped is said of somebody else.
    func lookInFiles(at processID: Int32, _ descriptor: Int32) -> Verdict {
        // The system helper may be in another pid namespace, and its numbers are not those of `/proc` then.
        let processID = ProcFile.process(of: descriptor) ?? processID
        guard processID > 0 else { return .agreement(.none(processID < 0 ? .jobHasEnded : .unreadable)) }
        let proof = OutsideProof(credentials: credentials, emptyBoundingSet: false)
        let found = Result { () throws(Errno) -> String? in
            let difference = try proof.identityDifference(
                of: processID,
                comparingGroups: comparesGroups,
                groupIDs: comparesGroupIDs
            )
            if let difference { return difference }
            if let group, try !group.contains(processID) { return Self.wrongGroup(group) }
            return nil
        }
        guard !Self.isGone(descriptor) else { return .agreement(.none(.jobHasEnded)) }
        return switch found {
        case .success(let difference?): .difference(difference)
        case .success(nil): .agreement(.procfs)
        case .failure: .agreement(.none(.unreadable))
        }
    }

    private func difference(of found: launch_credentials) -> String? {
        let users = [found.real_user, found.effective_user, found.saved_user, found.file_system_user]
        let groups = [found.real_group, found.effective_group, found.saved_group, found.file_system_group]
        if users.contains(where: { $0 != credentials.userID }) { return "its user ids are not \(credentials.userID)" }
        if comparesGroupIDs, groups.contains(where: { $0 != credentials.groupID }) {
            return "its group ids are not \(credentials.groupID)"
        }
        if let group, let expected = group.kernelID, expected != found.control_group { return Self.wrongGroup(group) }
        return nil
    }

    private static func wrongGroup(_ group: ExpectedGroup) -> String { "it is not in its cgroup \(group.path)" }

    /// Whether a process has been reaped, or is no child of this one and has ended.
    ///
    /// The kernel also knows no such process (`ESRCH`) where one runs in a pid namespace that is not below this process's own.
    private static func isGone(_ descriptor: Int32) -> Bool {
        guard launch_has_ended(descriptor) < 0 else { return false }
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&event, 1, 0) != 0
    }

    private static func kernelCredentials(_ descriptor: Int32) throws(Errno) -> launch_credentials {
        var found = launch_credentials()
        let result = unsafe launch_credentials_of(descriptor, &found)
        guard result == 0 else { throw Errno(rawValue: -result) }
        return found
    }
}
