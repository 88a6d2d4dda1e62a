import NameLookup
import SystemPackage

extension LookupAnswer {
    /// Asks the name service of this process, and blocks for as long as the slowest of its services likes.
    ///
    /// - Parameter question: The question.
    package init(asking question: LookupQuestion) {
        let service = SystemNameService()
        switch question {
        case .passwdByName(let name):
            self.init(service.passwd(named: name)) { $0.isEncodable ? .passwd($0) : .tooLarge }
        case .passwdByID(let id):
            self.init(service.passwd(withID: UserID(rawValue: id))) { $0.isEncodable ? .passwd($0) : .tooLarge }
        case .groupByName(let name):
            self.init(service.group(named: name)) { $0.name.utf8.count <= Self.largestText ? .group($0) : .tooLarge }
        case .groups(of: let name, let primary):
            self.init(service.groups(of: name, primary: GroupID(rawValue: primary))) { .groups($0) }
        // The name service has no call for that.
        case .reach: self = .failed(Errno.noSuchFileOrDirectory.rawValue)
        }
    }

    private init<Value>(_ answer: NameServiceAnswer<Value>, _ found: (Value) -> LookupAnswer) {
        self =
            switch answer {
            case .found(let value): found(value)
            case .absent: .absent
            case .failed(let number): .failed(number.rawValue)
            case .tooLarge: .tooLarge
            case .undecodable(let field): .undecodable(Field.allCases.first { $0.name == field } ?? .accountName)
            // Nobody else is asked here.
            case .unanswered: .failed(Errno.ioError.rawValue)
            }
    }
}

extension PasswdEntry {
    /// Whether each of its texts is one that there could be.
    fileprivate var isEncodable: Bool {
        [name.utf8.count, homeDirectory.length, shell.length].allSatisfy { $0 <= LookupAnswer.largestText }
    }
}
