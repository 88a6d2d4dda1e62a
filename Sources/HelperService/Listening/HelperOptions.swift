package import SystemPackage

/// What the helper was started with.
///
/// Taken apart here and not by a library: whatever is linked into this process is trusted with root.
package struct HelperOptions: Hashable, Sendable {
    package var policy: FilePath = "/etc/impersonation/helper.conf"
    package var socket: FilePath?
    package var socketMode: FilePermissions = [.ownerReadWrite, .groupReadWrite]
    package var socketGroup: String?
    package var adoptionDirectory: FilePath?
    package var parked = HelperContext.parkedByDefault
    package var checksPolicy = false
    package var showsHelp = false

    package static let usage = """
        usage: impersonation-helper [OPTION...]

        Launches jobs for daemons that have no privilege, as far as its policy permits.

          --policy FILE              the policy (default /etc/impersonation/helper.conf)
          --socket PATH              where daemons connect; not needed with a socket of systemd's
          --socket-mode MODE         who may connect at all, in octal (default 0660); the policy decides by user id
          --socket-group GROUP       the group of the socket (default: the helper's own)
          --adoption-directory PATH  where jobs that outlive their daemon can be taken over
          --parked COUNT             processes that wait for daemons (default \(HelperContext.parkedByDefault))
          --check-policy             read the policy, say what it permits, and end
          --help                     say this, and end
          --lookup                   ask the name service for a daemon: started by the library alone

        """

    package init() {}

    /// Reads arguments.
    ///
    /// - Parameter arguments: The arguments, the program's name left out.
    /// - Throws: ``HelperError`` that names the one that is wrong.
    package init(_ arguments: [String]) throws(HelperError) {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            switch option {
            case "--policy": policy = try Self.path(option, &rest)
            case "--socket": socket = try Self.path(option, &rest)
            case "--adoption-directory": adoptionDirectory = try Self.path(option, &rest)
            case "--socket-group": socketGroup = try Self.value(option, &rest)
            case "--socket-mode":
                guard let mode = UInt32(try Self.value(option, &rest), radix: 8), mode <= 0o777 else {
                    throw HelperError(.usage, "\(option) takes a mode in octal, such as 0660")
                }
                socketMode = FilePermissions(rawValue: CInterop.Mode(mode))
            case "--parked":
                guard let count = Int(try Self.value(option, &rest)), (1...64).contains(count) else {
                    throw HelperError(.usage, "\(option) takes a number from 1 to 64")
                }
                parked = count
            case "--check-policy": checksPolicy = true
            case "--help", "-h": showsHelp = true
            case LookupRole.option:
                throw HelperError(.usage, "\(option) is started by the library, and takes no other option")
            default: throw HelperError(.usage, "there is no option \(option.onOneLine); see --help")
            }
        }
    }

    private static func value(_ option: String, _ rest: inout ArraySlice<String>) throws(HelperError) -> String {
        guard let value = rest.popFirst() else { throw HelperError(.usage, "\(option) takes a value; see --help") }
        return value
    }

    private static func path(_ option: String, _ rest: inout ArraySlice<String>) throws(HelperError) -> FilePath {
        let path = FilePath(try value(option, &rest))
        guard path.isAbsolute else { throw HelperError(.usage, "\(option) takes a path from the root") }
        return path
    }
}
