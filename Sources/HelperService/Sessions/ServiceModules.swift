import Glibc
import LaunchProtocol

/// The modules that the files of PAM services name, loaded ahead.
///
/// Most of the time of `pam_start(3)` goes into loading them, and `pam_end(3)` takes it back. Loaded once before the first fork,
/// they are there in every process. Nothing else is decided here: PAM reads its files itself for each session, and what is
/// missing or new it finds then.
enum ServiceModules {
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

    /// Loads the modules of services.
    ///
    /// - Parameter services: The services.
    /// - Returns: The modules that are not there, or cannot be loaded, as the files spell them.
    static func load(for services: [String]) -> [String] {
        var modules: [String] = []
        // What a service has no lines for, PAM takes from there.
        for entry in (services + ["other"]).flatMap({ ServiceFile(of: $0).entries })
        where !modules.contains(entry.module) {
            modules.append(entry.module)
        }
        return modules.filter { module in
            let places = module.hasPrefix("/") ? [module] : directories.map { "\($0)/\(module)" }
            return !places.contains { place in
                unsafe access(place, F_OK) == 0 && dlopen(place, RTLD_NOW) != nil
            }
        }
    }
}
