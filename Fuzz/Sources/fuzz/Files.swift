import Impersonation
import SystemPackage

@testable import HelperService
@testable import QubeCompatibility
@testable import RenderWorker

/// What holds for every file.
enum Files {
    static func policy(_ bytes: [UInt8]) -> String? {
        do throws(PolicyError) {
            let policy = try HelperPolicy(PolicyFile(parsing: bytes, from: "f"), names: Names())
            let isNever = policy.accounts.users.contains { PolicyIdentity.isNever($0.number) }
            return policy.peers.everybody.isPermitted || isNever ? "permits too much: \(policy.summary)" : nil
        } catch {
            return badPlaces(error.problems.map { ($0.line, $0.description) }, in: bytes)
        }
    }

    static func configuration(_ bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        do throws(ConfigurationError) {
            let loaded = try WorkerConfiguration.parse(text, file: "f")
            if loaded.diagnostics.contains(where: { $0.severity == .error }) { return "is loaded with an error" }
            let rendered = loaded.configuration.rendered()
            do throws(ConfigurationError) {
                guard try WorkerConfiguration.parse(rendered, file: "g").diagnostics.isEmpty else {
                    return "is written with a warning: \(rendered)"
                }
            } catch {
                return "is read, but not what is written of it: \(error) in \(rendered)"
            }
            return badPlaces(loaded.diagnostics.map { ($0.line, $0.description) }, in: Array(text.utf8))
        } catch {
            guard error.diagnostics.contains(where: { $0.severity == .error }) else { return "is refused for nothing" }
            return badPlaces(error.diagnostics.map { ($0.line, $0.description) }, in: Array(text.utf8))
        }
    }

    static func jobs(_ bytes: [UInt8]) -> String? {
        do throws(JobDescriptionError) {
            let job = try JobDescription(bytes)
            guard job.command.first?.isEmpty == false else { return "has no program" }
            guard job.spool.isAbsolute, job.workingDirectory.map({ FilePath($0).isAbsolute }) ?? true else {
                return "has a relative path"
            }
            let texts = job.command + job.environment.keys + job.environment.values + [job.workingDirectory ?? ""]
            guard !texts.contains(where: { $0.utf8.contains(0) }) else { return "has a zero byte" }
            guard !job.environment.keys.contains(where: { $0.isEmpty || $0.utf8.contains(UInt8(ascii: "=")) }) else {
                return "has a variable that is none"
            }
            return (0...19).contains(job.nice) ? nil : "has more than its share"
        } catch {
            return isOneLine(error.message) ? nil : "is refused in another way than with a line: \(error.message)"
        }
    }

    static func grants(_ bytes: [UInt8]) -> String? {
        do throws(GrantsFileError) {
            _ = try GrantsFileEntry.read(String(decoding: bytes, as: UTF8.self), of: "f")
            return nil
        } catch {
            return isOneLine("\(error)") ? nil : "is refused in another way than with a line: \(error)"
        }
    }

    static func output(_ bytes: [UInt8]) -> String? {
        guard let identity = IdentityOutput(in: String(decoding: bytes, as: UTF8.self)) else { return nil }
        return identity.groups.isEmpty ? "is somebody without a group" : nil
    }

    /// Each problem has a line of the file, in order, and a message that is one line of its own.
    private static func badPlaces(_ problems: [(line: Int?, text: String)], in bytes: [UInt8]) -> String? {
        let lines = bytes.count { $0 == UInt8(ascii: "\n") } + 1
        let places = problems.map { $0.line ?? 0 }
        guard places == places.sorted(), places.allSatisfy((1...lines).contains) else {
            return "is wrong in the lines \(places) of \(lines)"
        }
        return problems.first { !isOneLine($0.text) }.map { "is refused in more than a line: \($0.text)" }
    }

    private static func isOneLine(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    }
}
