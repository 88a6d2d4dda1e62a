import Glibc
import HelperService

exit(HelperProgram.run(Array(CommandLine.arguments.dropFirst())))
