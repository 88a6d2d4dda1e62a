/// How much a launcher does to look at a job from outside once it runs.
public enum AttestationPolicy: String, Sendable, Hashable, CaseIterable {
    /// Where the kernel tells it by one system call (Linux 6.13), which costs nothing that could be measured; else not.
    case whenTheKernelOffersIt

    /// Also by the files of `/proc` where the kernel does not tell it otherwise.
    ///
    /// That takes about an eighth of a millisecond: a third more until an isolated launch returns, and a twentieth of the
    /// time that `/bin/true` takes from its launch to its end.
    case always
}
