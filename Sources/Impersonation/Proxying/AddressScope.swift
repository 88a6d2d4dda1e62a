/// The network addresses a right holds for.
public enum AddressScope: Sendable, Hashable {
    /// Every address, and requests that did not come over a network.
    case anywhere

    /// Only these networks. An empty list holds for no address at all.
    case networks([NetworkPrefix])
}
