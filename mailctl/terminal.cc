#include "mailctl/terminal.h"

#include "mailctl/client.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <termios.h>
#include <unistd.h>

namespace postern::mailctl {
namespace {

// Puts the terminal back as it was, whatever happens.
class Silence {
  public:
    Silence() {
        ::tcgetattr(STDIN_FILENO, &before_);
        termios quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    ~Silence() { ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }
    Silence(const Silence&) = delete;

  private:
    termios before_{};
};

std::string first_line() {
    std::string line;
    if (!std::getline(std::cin, line)) throw Failure{exit_no_input, "no password was given"};
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

std::string ask(const std::string& question) {
    std::fputs(question.c_str(), stderr);
    std::string answer;
    {
        const Silence silence;
        answer = first_line();
    }
    std::fputs("\n", stderr);
    return answer;
}

} // namespace

std::string read_password(const std::string& whose) {
    const bool terminal = ::isatty(STDIN_FILENO) == 1;
    std::string password = terminal ? ask("New password for " + whose + ": ") : first_line();
    if (password.empty()) throw Failure{exit_data, "an empty password"};
    if (terminal && ask("Once more: ") != password) throw Failure{exit_data, "the passwords differ"};
    return password;
}

std::string read_file(const std::string& name) {
    if (name == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
    std::ifstream file(name, std::ios::binary);
    if (!file) throw Failure{errno == EACCES ? exit_no_permission : exit_no_input, name + ": " + std::strerror(errno)};
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace postern::mailctl
