import SystemPackage

@testable import LaunchProtocol

/// What holds for the files of PAM services, whatever is in them.
enum ServiceOracle {
    /// Files, parted by the byte 0x1D; the first one is that of the service `a`, the second one that of `b`, and so on.
    static let samples = [
        """
        #%PAM-1.0
        auth\trequired pam_unix.so nullok # c
        account [success=1 default=ignore] pam_unix.so
        -session optional pam_systemd.so
        @include b
        auth include /etc/pam.d/b
        session substack c\u{1D}Auth required \\
         pam_deny.so
        @include absent
        @include a\u{1D}session required /lib/security/pam_limits.so
        """,
        "@include b\n@include ./b\n@include b\u{1D}@include a\n@include c\n@include ./a\u{1D}@include a\n@include ./b\nauth x y",
    ]
    .map { Array($0.utf8) }

    /// What does not hold for some bytes.
    static func complaint(about bytes: [UInt8]) -> String? {
        let files = bytes.split(separator: 0x1D, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        var reads = 0
        let service = ServiceFile(of: "a") { path throws(Errno) in
            reads += 1
            guard path.removingLastComponent().lexicallyNormalized() == ServiceFile.directory,
                let name = path.lastComponent?.string.unicodeScalars, name.count == 1, let letter = name.first?.value,
                let index = files.indices.first(where: { $0 + 0x61 == Int(letter) })
            else { throw .noSuchFileOrDirectory }
            return files[index]
        }
        guard reads <= ServiceFile.filesMost else { return "\(reads) files are read" }
        guard service.missing.count < reads else { return "files are missing that were never looked for" }
        for entry in service.entries {
            guard ["auth", "account", "password", "session"].contains(entry.kind), !entry.module.isEmpty else {
                return "a line has no kind or no module: \(entry)"
            }
            guard !entry.module.utf8.contains(UInt8(ascii: "#")) else { return "a line has a comment in it: \(entry)" }
        }
        return nil
    }
}
