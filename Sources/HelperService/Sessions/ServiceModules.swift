import Glibc
import LaunchPlan
import SystemPackage

/// The modules that the files of PAM services name, loaded ahead.
///
/// Most of the time of `pam_start(3)` goes into loading them, and `pam_end(3)` takes it back. Loaded once before the first fork,
/// they are there in every process. Nothing else is decided here: PAM reads its files itself for each session, and what is
/// missing or new it finds then.
struct ServiceModules {
    private static let files = FilePath("/etc/pam.d")

    /// Files include others; more than these are a circle.
    private static let filesMost = 64

    /// Where libpam of the usual distributions looks for a module without a path.
    private static let directories = [
        "/lib/\(architecture)-linux-gnu/security", "/usr/lib/\(architecture)-linux-gnu/security", "/lib64/security",
        "/usr/lib64/security", "/lib/security", "/usr/lib/security",
    ]

    private static var architecture: String {
        #if arch(arm64)
        "aarch64"
        #else
        "x86_64"
        #endif
    }

    private var read: Set<String> = []
    private var modules: [String] = []

    /// The modules of services.
    ///
    /// - Parameter services: The services.
    /// - Returns: The modules as the files spell them, each once.
    static func named(by services: [String]) -> [String] {
        var modules = ServiceModules()
        // What a service has no lines for, PAM takes from there.
        for service in services + ["other"] { modules.add(service) }
        return modules.modules
    }

    /// Loads modules.
    ///
    /// - Parameter modules: The modules as files spell them.
    /// - Returns: Those that are not there, or cannot be loaded.
    static func load(_ modules: [String]) -> [String] {
        modules.filter { module in
            let places = module.hasPrefix("/") ? [module] : directories.map { "\($0)/\(module)" }
            return !places.contains { place in
                unsafe access(place, F_OK) == 0 && dlopen(place, RTLD_NOW) != nil
            }
        }
    }

    private mutating func add(_ service: String) {
        guard read.count < Self.filesMost, read.insert(service).inserted else { return }
        let path = service.hasPrefix("/") ? FilePath(service) : Self.files.appending(service)
        guard let text = try? ProcFile.read(path) else { return }
        // A line ends with a backslash where it goes on.
        for line in text.replacing("\\\n", with: " ").split(separator: "\n") { add(line: line) }
    }

    private mutating func add(line: Substring) {
        var words = Self.words(line.prefix { $0 != "#" })
        guard let first = words.first else { return }
        if first == "@include", words.count > 1 { return add(words[1]) }
        words.removeFirst()
        guard words.count > 1 else { return }
        if words[0] == "include" || words[0] == "substack" { return add(words[1]) }
        if !modules.contains(words[1]) { modules.append(words[1]) }
    }

    /// What brackets hold together is one word: `[success=1 default=ignore]`.
    private static func words(_ line: Substring) -> [String] {
        var words: [String] = []
        var word = ""
        var isBracketed = false
        for character in line {
            if character == "[" { isBracketed = true }
            if character == "]" { isBracketed = false }
            if character.isWhitespace, !isBracketed {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        return word.isEmpty ? words : words + [word]
    }
}
