import Glibc
import NameLookup
import SystemPackage
import TrustedFiles

/// A program that asks the name service, and that nobody but those who may decide can have put where it is.
struct LookupProgram: Sendable {
    /// Where it was named.
    let path: FilePath

    /// Looks at the program and at every step of the way to it, symbolic links included.
    ///
    /// - Parameter path: Where it is, in full.
    /// - Throws: ``NoAnswer`` when it is not there, or others than root and this process's account can write it.
    init(at path: FilePath) throws(NoAnswer) {
        guard path.isAbsolute else { throw .unusable("\(path) is no absolute path, and nothing is searched for") }
        let demands = FileDemands(
            owners: [0, geteuid()],
            followsLinks: true,
            acceptsStickyDirectories: false,
            acceptsHardLinks: true
        )
        do throws(FileProblem) {
            switch try TrustedWalk(demanding: demands).end(of: path) {
            case .file(let file):
                guard file.facts.kind == .regular else { throw .notRegular(file.place, file.facts.kind) }
            case .directory(_, let place, _): throw .notRegular(place, .directory)
            }
        } catch {
            throw .unusable(Self.message(error, at: path))
        }
        self.path = path
    }

    private static func message(_ problem: FileProblem, at path: FilePath) -> String {
        switch problem {
        case .missing(let place, _): "\(place) does not exist"
        case .untrustedOwner(let place, let facts): "\(place) belongs to user id \(facts.owner), and not to root"
        case .untrustedMode(let place, let facts):
            "others than root can write \(place) (mode \(facts.octalPermissions))"
        case .failed(_, let place, let errno): "\(place): \(errno)"
        default: "\(path) is no program"
        }
    }
}
