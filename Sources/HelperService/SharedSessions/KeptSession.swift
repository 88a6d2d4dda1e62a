/// A session that is open for several jobs, as the processes know it that launch them.
///
/// They are forked by the one that keeps it open, so that they have what it has from the session: keyring, login id, namespaces.
struct KeptSession {
    let key: SessionKey
    let effects: SessionEffects
    /// Where it stands in the directory.
    let place: Int
    /// Which session of that place it is.
    let generation: UInt64
}
