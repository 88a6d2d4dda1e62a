@testable import impersonate

/// What holds for what the doctor says of `nsswitch.conf`, whatever is in that.
enum NameServiceOrderOracle {
    static let samples: [[UInt8]] = [
        "passwd: files sss\ngroup: sss [!NOTFOUND=return] files systemd # x\ninitgroups: winbind files\n",
        "#passwd: ldap files\n passwd\t: compat systemd\r\nhosts: dns files\n:passwd: ldap files\npasswd x: ldap files\n",
    ]
    .map { Array($0.utf8) }

    /// What does not hold for some bytes.
    static func complaint(about bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        let finding = NameServiceOrderCheck(text: text).finding()
        let expected = expected(Array(text.utf8))
        guard let expected else { return finding.status == .ok ? nil : "is wrong without a reason: \(finding.found)" }
        guard finding.status == .warning, finding.found.utf8.starts(with: expected.utf8), !finding.remedy.isEmpty else {
            return "is said to be in order: \(expected)"
        }
        return nil
    }

    /// Database and service of the first line that is not in order, read another way: each byte is looked at once.
    private static func expected(_ bytes: [UInt8]) -> String? {
        var (names, services): ([[UInt8]], [[UInt8]]) = ([], [])
        var (hasColon, isComment, isInWord) = (false, false, false)
        for byte in bytes + [0x0A] {
            switch byte {
            case 0x0A:
                if hasColon, names.count == 1, let found = badOrder(names[0], services) { return found }
                (names, services, hasColon, isComment, isInWord) = ([], [], false, false, false)
            case _ where isComment: break
            case UInt8(ascii: "#"): isComment = true
            case 0x09, 0x0D, 0x20: isInWord = false
            case UInt8(ascii: ":") where !hasColon: (hasColon, isInWord) = (true, false)
            default:
                var words = hasColon ? services : names
                if !isInWord { words.append([]) }
                words[words.count - 1].append(byte)
                isInWord = true
                if hasColon { services = words } else { names = words }
            }
        }
        return nil
    }

    private static func badOrder(_ name: [UInt8], _ services: [[UInt8]]) -> String? {
        let name = String(decoding: name, as: UTF8.self)
        guard ["passwd", "group", "initgroups"].contains(name) else { return nil }
        let words = services.map { String(decoding: $0, as: UTF8.self) }.filter { !$0.hasPrefix("[") }
        let local = words.map { ["files", "db", "systemd", "altfiles", "extrausers"].contains($0) }
        guard let first = local.firstIndex(of: false), local[first...].contains(true) else { return nil }
        return "\(name): \(words[first]) stands before"
    }
}
