#include "mailctl/cli.h"

int main(int argc, char** argv) { return postern::mailctl::run_command_line(argc, argv); }
