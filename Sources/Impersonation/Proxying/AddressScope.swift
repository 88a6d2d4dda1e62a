/// The network addresses a right holds for.
public enum AddressScope: Sendable, Hashable {
    /// Every address, and requests that did not come over a network.
    case anywhere

    /// Only these networks. An empty list holds for no address at all.
    case networks([NetworkPrefix])

    /// Returns whether the right holds for requests from an address.
    ///
    /// - Parameter remoteAddress: The address in numbers, without a port, or `nil` for a request that did not come
    ///   over a network. A scope that is limited to networks allows neither `nil` nor what is no address.
    /// - Returns: Whether requests from there are allowed.
    public func allows(_ remoteAddress: String?) -> Bool {
        switch self {
        case .anywhere:
            return true
        case .networks(let networks):
            guard let remoteAddress else { return false }
            return networks.contains { $0.contains(remoteAddress) }
        }
    }
}

extension AddressScope: CustomStringConvertible {
    /// `anywhere`, `nowhere`, or the networks, separated by commas.
    public var description: String {
        switch self {
        case .anywhere: "anywhere"
        case .networks(let networks):
            networks.isEmpty ? "nowhere" : networks.map(\.description).joined(separator: ", ")
        }
    }
}
