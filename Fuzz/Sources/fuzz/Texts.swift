import FoundationEssentials
import LaunchPlan

@testable import Impersonation

/// What holds for every text.
enum Texts {
    static func names(_ bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes.dropFirst(), as: UTF8.self)
        let separators = AccountNameReader.separators
        let separator = Character(separators[Int(bytes.first ?? 0) % separators.count])
        let syntax = AccountNameSyntax(separator: separator, acceptsPrincipalNames: (bytes.first ?? 0) < 128)
        let name: AccountName
        do throws(AccountNameError) {
            name = try AccountName(text, syntax: syntax)
        } catch {
            let isVisible = "\(error)".unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
            return isVisible ? nil : "is refused in another way than with a line: \(error)"
        }
        guard name.spelling == text, text.utf8.count <= AccountName.maximumLength else { return "is read as another" }
        guard !name.user.isEmpty, name.domain?.isEmpty != true else { return "has an empty part" }
        guard Int(name.user) == nil, Double(name.user) == nil || name.user.first?.isLetter == true else {
            return "is a number"
        }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            return "has a control character"
        }
        guard let domain = name.domain else {
            return name.user == text && text.utf8.allSatisfy { $0 < 0x80 } ? nil : "is bare and something else"
        }
        // The same account in the other spelling.
        guard syntax.acceptsPrincipalNames else { return nil }
        let other = name.form == .principal ? "\(domain)\(separator)\(name.user)" : "\(name.user)@\(domain)"
        guard let twin = try? AccountName(other, syntax: syntax) else { return "cannot be spelt as \(other)" }
        return twin == name && twin.hashValue == name.hashValue ? nil : "is another than \(other)"
    }

    static func networks(_ bytes: [UInt8]) -> String? {
        guard let network = NetworkPrefix(String(decoding: bytes, as: UTF8.self)) else { return nil }
        guard NetworkPrefix(network.description) == network else { return "is written as \(network)" }
        guard network.length <= network.bytes.count * 8 else { return "is longer than an address" }
        let address = network.description.prefix { $0 != "/" }
        return network.contains(String(address)) ? nil : "is without its own address \(address)"
    }

    static func processes(_ bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let stat = ProcessStat(parsing: text) else { return nil }
        let tail = text.utf8[(text.utf8.lastIndex(of: UInt8(ascii: ")")) ?? text.utf8.startIndex)...]
        return Array(tail).contains(stat.state) ? nil : "has a state from elsewhere"
    }

    static func references(_ bytes: [UInt8]) -> String? {
        guard let reference = try? JSONDecoder().decode(JobReference.self, from: Data(bytes)) else { return nil }
        guard let written = try? JSONEncoder().encode(reference),
            let again = try? JSONDecoder().decode(JobReference.self, from: written)
        else { return "cannot be written again" }
        return again == reference ? nil : "is written as another"
    }
}
