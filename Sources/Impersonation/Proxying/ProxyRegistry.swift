public import FoundationEssentials

/// Who may act as which proxy account, and whom each login acts as right now.
///
/// The registry is asked at every resolution, so a grant that is revoked or has ended counts no longer from then on.
/// The methods are the transactions of a store: an implementation on SQL runs each of them in one, isolated so that
/// two of them at the same time have the effect of one after the other.
///
/// Three things hold at any time, whatever runs concurrently:
/// - Proxy accounts do not proxy further: no account is both the login of one grant and the account of another. An
///   ended grant counts until it is revoked, since it may be prolonged at any time.
/// - A login is bound to at most one account, never to itself.
/// - Every binding rests on a grant for the same login and account; revoking the grant removes the binding. When a
///   grant merely ends, the binding stays recorded and is refused at use, so that nobody's jobs silently run as
///   somebody else than yesterday.
///
/// Logins and accounts are compared by ``AccountName/canonical``. `ProxyRegistryConformance` in `ImpersonationTesting`
/// checks an implementation for all this.
public protocol ProxyRegistry: Sendable {
    /// A name for explanations: where a grant or a binding was found.
    var source: RuleSource { get }

    /// Everything the resolver needs to know about one login, read at one point in time.
    ///
    /// - Parameter login: The login to look up.
    /// - Returns: Its grants (ended ones too), its binding, and whether it is itself a proxy account.
    /// - Throws: ``ProxyRegistryError`` when the store could not be read.
    func standing(of login: AccountName) async throws(ProxyRegistryError) -> ProxyStanding

    /// Permits a login to act as an account. A grant for the same pair is replaced; a binding that rests on it stays.
    ///
    /// - Parameter grant: The grant to add.
    /// - Throws: ``ProxyRegistryError`` with the code `proxyMayNotProxy` when the login is itself a proxy account or
    ///   the account itself acts for others, with `selfGrant` when login and account are the same (no grant is needed
    ///   for that), otherwise when the store could not be written. Nothing has changed then.
    func add(_ grant: Grant) async throws(ProxyRegistryError)

    /// Ends the permission of a login to act as an account, and the binding that rests on it.
    ///
    /// - Parameters:
    ///   - login: The login that may no longer act as the account.
    ///   - account: The account.
    /// - Returns: Whether there was such a grant.
    /// - Throws: ``ProxyRegistryError`` when the store could not be written.
    @discardableResult
    func revoke(login: AccountName, account: AccountName) async throws(ProxyRegistryError) -> Bool

    /// Ends every permission of a login, and its binding.
    ///
    /// - Parameter login: The login that may no longer act as anybody else.
    /// - Returns: How many grants there were.
    /// - Throws: ``ProxyRegistryError`` when the store could not be written.
    @discardableResult
    func revokeAll(login: AccountName) async throws(ProxyRegistryError) -> Int

    /// Lists grants, ended ones too.
    ///
    /// - Parameter login: The login whose grants are listed, or `nil` for everybody's.
    /// - Returns: The grants, ordered by the bytes of the canonical forms of login and account.
    /// - Throws: ``ProxyRegistryError`` when the store could not be read.
    func grants(for login: AccountName?) async throws(ProxyRegistryError) -> [Grant]

    /// Binds a login to the one proxy account it acts as from now on, in one step with the check of its grant.
    ///
    /// The grant is checked as ``ProxyStanding/denial(actingAs:at:from:)`` does. Binding a login to itself is the same
    /// as ``clearBinding(of:)``, needs no grant and is never a conflict. Binding it to the account it is bound to
    /// already changes nothing. A binding whose own grant does not hold at `date` any more is no conflict either: it
    /// is replaced.
    ///
    /// - Parameters:
    ///   - login: The login to bind.
    ///   - account: The account it acts as.
    ///   - conflict: What happens when the login is bound to another account.
    ///   - date: The moment the grant must hold at.
    ///   - remoteAddress: The address the request comes from, for grants that are limited to some.
    /// - Returns: The binding, or why there is none. After a refusal the earlier binding stands as it was.
    /// - Throws: ``ProxyRegistryError`` when the store could not be written.
    func bind(
        _ login: AccountName,
        to account: AccountName,
        onConflict conflict: BindingConflict,
        at date: Date,
        from remoteAddress: String?
    ) async throws(ProxyRegistryError) -> BindingOutcome

    /// Lets a login act as itself again.
    ///
    /// - Parameter login: The login to release.
    /// - Returns: The binding that was cleared, if there was one.
    /// - Throws: ``ProxyRegistryError`` when the store could not be written.
    @discardableResult
    func clearBinding(of login: AccountName) async throws(ProxyRegistryError) -> Binding?
}

/// What happens when a login that is bound to one account is bound to another.
public enum BindingConflict: Sendable, Hashable {
    /// The new binding takes the place of the old one.
    case replace

    /// The old binding stands and the new one is refused.
    case refuse
}

/// What came of binding a login.
public enum BindingOutcome: Sendable, Hashable {
    /// The login is bound now; the binding to another account that it had before, if any, is gone.
    case bound(Binding, replaced: Binding?)

    /// The login was bound to itself and so acts as itself again; the binding it had before, if any, is gone.
    case cleared(Binding?)

    /// The login is not bound to the account; what it was bound to before still stands.
    case refused(Denial, standing: Binding?)
}
