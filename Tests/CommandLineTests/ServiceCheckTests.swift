import Foundation
import Testing

@testable import impersonate

@Suite("impersonate doctor: services of PAM that answer otherwise than one thinks", .inTestBed)
struct ServiceCheckTests {
    @Test(
        "are warned of",
        arguments: [
            ("auth required pam_unix.so", "account required pam_unix.so", nil),
            ("auth required pam_sss.so", "account required pam_sss.so", nil),
            ("auth required pam_krb5.so", "account required pam_krb5.so", "pam_krb5 is asked for authentication"),
            ("auth required pam_unix.so", "account required pam_krb5.so", nil),
            ("auth required pam_winbind.so krb5_auth krb5_ccache_type=FILE", "account required pam_winbind.so", nil),
            (
                "auth required pam_winbind.so krb5_auth krb5_ccache_type=KEYRING", "account required pam_winbind.so",
                "keeps tickets in the keyring"
            ),
            (
                "auth required pam_faillock.so", "account required pam_unix.so",
                "pam_faillock.so is asked for authentication"
            ),
            (
                "auth required pam_sss.so", "account required pam_unix.so\naccount required pam_sss.so",
                "pam_unix may answer"
            ),
        ] as [(String, String, String?)]
    )
    func warnings(auth: String, account: String, warning: String?) throws {
        let service = "doctor-\(UInt32.random(in: 0...UInt32.max))"
        let path = "/etc/pam.d/\(service)"
        try Data("\(auth)\n\(account)\nsession required pam_permit.so\n".utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let findings = ServiceCheck(service: service).findings()
        #expect(findings.count == 1)
        #expect(findings.first?.status == (warning == nil ? .ok : .warning))
        if let warning {
            #expect(findings.first?.found.contains(warning) == true, "\(findings)")
            #expect(findings.first?.remedy.isEmpty == false)
        }
    }
}
