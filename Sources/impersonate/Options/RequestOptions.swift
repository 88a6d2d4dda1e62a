import ArgumentParser
import Impersonation

/// Who asks, and as whom.
struct RequestOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The person the command is for. The calling user unless set; root has to name somebody, and nobody but "
                + "root may name somebody else to `run`.",
            valueName: "login"
        )
    )
    var login: String?

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "The account the person wants to act as. Grants are kept by the program that embeds the library, and this tool "
                + "knows none: in user mode it can be nobody but the person, and otherwise it has no influence.",
            valueName: "account"
        )
    )
    var account: String?
}
