// The name of a message's file, as Maildir has it, both ways; pure.
//
//   <seconds>.<unique>.<host>,S=<size>            in new/
//   <seconds>.<unique>.<host>,S=<size>:2,<flags>  in cur/
//
// What stands before ":2," is the base: it stays the same as long as the message is in the account. <unique> is
// "Q" + queue id, with "-<action>" behind it when that is not 0, for a delivery; "R" + 16 hex digits otherwise.
// Names that other tools made are understood too: any base, any flags.
#pragma once

#include "libstore/store.h"

namespace postern::store {

constexpr Flags in_new = 128;           // Message::name_flags of a file that lies in new/, where names have no flags

struct FileName {
    std::string_view base;
    Flags flags = 0;                    // of the five letters we know; 'P' and foreign letters are not flags
    bool info = false;                  // there was a ":2,"
    std::int64_t seconds = 0;           // 0 when it does not begin with a number
    std::optional<DeliveryKey> key;
    std::optional<std::uint64_t> size;  // of ",S="
};
// Nothing for what is no message: dot-names, names over 255 bytes, empty bases, control characters.
std::optional<FileName> parse_file_name(std::string_view name);

std::string flag_letters(Flags flags);                                  // "DFRST", sorted, as Maildir wants them
std::string file_name(std::string_view base, Flags name_flags);        // the name in the folder name_flags says

std::string unique_text(const DeliveryKey& key);
std::string random_unique();
std::string make_base(std::int64_t seconds, std::string_view unique, std::string_view host, std::uint64_t size);

} // namespace postern::store
