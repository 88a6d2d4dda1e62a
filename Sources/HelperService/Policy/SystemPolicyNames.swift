import Glibc
import LaunchProtocol
import SystemPackage

/// The names of this host: `getpwnam_r(3)` and `getgrnam_r(3)`, and whoever knows what it is worth that there is none
/// (``DomainCheck``).
///
/// They block for as long as the slowest service of `nsswitch.conf(5)` likes. A policy is loaded before anybody is served.
package struct SystemPolicyNames: PolicyNames {
    private static let initialSize = 4 << 10
    /// A group of a quarter of a million members fits.
    private static let maximumSize = 4 << 20
    /// A module that returns `EINTR` for ever is not asked for ever.
    private static let maximumInterruptions = 16

    package init() {}

    package func userID(of name: String) -> PolicyNameAnswer {
        Self.confirmed(name, .passwdByName(name)) {
            var entry = unsafe passwd()
            return unsafe Self.answer(name) { buffer, size in
                var found: UnsafeMutablePointer<passwd>?
                let result = unsafe getpwnam_r(name, &entry, buffer, size, &found)
                return unsafe found == nil ? .none(result) : .entry(entry.pw_uid, name: entry.pw_name)
            }
        }
    }

    package func groupID(of name: String) -> PolicyNameAnswer {
        Self.confirmed(name, .groupByName(name)) {
            var entry = unsafe group()
            return unsafe Self.answer(name) { buffer, size in
                var found: UnsafeMutablePointer<group>?
                let result = unsafe getgrnam_r(name, &entry, buffer, size, &found)
                return unsafe found == nil ? .none(result) : .entry(entry.gr_gid, name: entry.gr_name)
            }
        }
    }

    private static func confirmed(
        _ name: String,
        _ question: LookupQuestion,
        _ ask: () -> PolicyNameAnswer
    ) -> PolicyNameAnswer {
        // The C string would end there, and another name be asked for.
        guard !name.isEmpty, !name.utf8.contains(0) else { return .absent }
        do throws(Errno) {
            return try DomainCheck.confirmed(question) {
                let answer = ask()
                return answer == .absent ? nil : answer
            } ?? .absent
        } catch {
            return .unavailable(error)
        }
    }

    @unsafe
    private enum Attempt {
        case none(CInt)
        case entry(UInt32, name: UnsafeMutablePointer<CChar>?)
    }

    @unsafe
    private static func answer(
        _ name: String,
        _ call: (UnsafeMutablePointer<CChar>, Int) -> Attempt
    ) -> PolicyNameAnswer {
        var size = initialSize
        var interruptions = 0
        while true {
            let answer = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) {
                buffer -> Result<PolicyNameAnswer, Errno> in
                guard let base = buffer.baseAddress else { return .failure(.noMemory) }
                switch unsafe call(base, buffer.count) {
                case .none(0): return .success(.absent)
                case .none(let code): return .failure(Errno(rawValue: code))
                case .entry(let number, let found):
                    return unsafe .success(Self.checked(number, found, asked: name))
                }
            }
            switch answer {
            case .success(let answer):
                return answer
            case .failure(.outOfRange) where size < maximumSize:
                size *= 4
            case .failure(.interrupted) where interruptions < maximumInterruptions:
                interruptions += 1
            // Modules of NSS return any number; none of them means "there is none".
            case .failure(let error):
                return .unavailable(error)
            }
        }
    }

    /// A directory that is asked for one spelling and answers with another may mean somebody else.
    @unsafe
    private static func checked(
        _ number: UInt32,
        _ found: UnsafeMutablePointer<CChar>?,
        asked name: String
    ) -> PolicyNameAnswer {
        guard let found = unsafe found, let spelling = unsafe String(validatingCString: found) else {
            return .unavailable(.illegalByteSequence)
        }
        return spelling.utf8.elementsEqual(name.utf8) ? .number(number) : .spelledOtherwise(spelling)
    }
}
