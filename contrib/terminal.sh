#!/usr/bin/env bash
# What contrib/quickstart shows; to be sourced. On a terminal: colours, text wrapped to its width, and while something
# takes long a line that moves. Anywhere else, and with TERM=dumb: plain lines, no escape sequence, no carriage return.
# NO_COLOR takes the colours away, and nothing else.

terminal_bold='' terminal_faint='' terminal_red='' terminal_green='' terminal_cyan='' terminal_plain=''
terminal_tick='ok' terminal_cross='failed' terminal_frames=('|' '/' '-' "\\")
terminal_moves=''
terminal_columns=80
terminal_spinner=''

terminal_open() {
    [[ -t 1 && ${TERM:-dumb} != dumb ]] || return 0
    terminal_moves=yes
    if [[ -z ${NO_COLOR:-} ]]; then
        terminal_bold=$'\e[1m' terminal_faint=$'\e[2m' terminal_red=$'\e[31m' terminal_green=$'\e[32m'
        terminal_cyan=$'\e[36m' terminal_plain=$'\e[0m'
    fi
    if [[ ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} =~ [Uu][Tt][Ff]-?8 ]]; then
        terminal_tick='✓' terminal_cross='✗' terminal_frames=(⠋ ⠙ ⠹ ⠸ ⠼ ⠴ ⠦ ⠧ ⠇ ⠏)
    fi
}

# Leaves the terminal as it was found, whatever was going on.
terminal_close() {
    [[ -n $terminal_spinner ]] || return 0
    kill "$terminal_spinner" 2>/dev/null || true
    wait "$terminal_spinner" 2>/dev/null || true
    terminal_spinner=''
    # Clears the line; shows the cursor.
    printf '\r\e[K\e[?25h'
}

# Asked for each time: the window may have been resized. Lines of more than 100 columns are hard to read.
terminal_measure() {
    local size=''
    [[ -n $terminal_moves ]] || return 0
    { size=$(stty size <&3 2>/dev/null) || true; } 3>&1
    terminal_columns=${size##* }
    ((terminal_columns > 0)) || terminal_columns=80
    ((terminal_columns <= 100)) || terminal_columns=100
}

terminal_wrap() { # TEXT
    local words word line=''
    read -ra words <<<"$1"
    for word in "${words[@]}"; do
        if [[ -n $line ]] && ((${#line} + 1 + ${#word} > terminal_columns)); then
            printf '%s\n' "$line"
            line=$word
        else
            line+=${line:+ }$word
        fi
    done
    printf '%s\n' "$line"
}

# The arguments are one running text; an empty one is an empty line, and ends a paragraph.
say() { # TEXT...
    local part text=''
    terminal_measure
    for part; do
        if [[ -z $part ]]; then
            if [[ -n $text ]]; then terminal_wrap "$text"; fi
            printf '\n'
            text=''
        else
            text+=" $part"
        fi
    done
    if [[ -n $text ]]; then terminal_wrap "$text"; fi
}

heading() { printf '\n%s%s%s\n' "$terminal_bold" "$1" "$terminal_plain"; } # TEXT

# Wrapped between its words, the way the shell takes it too. Not so in a pipe: there a line is found whole.
terminal_wrap_command() { # COMMAND LINE
    local word="^ *((\"[^\"]*\"|'[^']*'|[^ \"'])+)(.*)$" rest=$1 line='' words=()
    while [[ -n $terminal_moves && $rest =~ $word ]]; do
        rest=${BASH_REMATCH[3]}
        # An option of one letter stays with its value.
        if [[ ${words[*]: -1} == -[a-zA-Z] ]]; then
            words[-1]+=" ${BASH_REMATCH[1]}"
        else
            words+=("${BASH_REMATCH[1]}")
        fi
    done
    if [[ -n $rest ]]; then words=("$1"); fi
    for word in "${words[@]}"; do
        # Room for the prompt and for a backslash.
        if [[ -n $line ]] && ((${#line} + ${#word} + 5 > terminal_columns)); then
            printf '%s \\\n' "$line"
            line="    $word"
        else
            line+=${line:+ }$word
        fi
    done
    printf '%s' "$line"
}

print_command() { # COMMAND LINE
    terminal_measure
    printf '\n%s$ %s%s%s\n' "$terminal_faint" "$terminal_plain$terminal_cyan" "$(terminal_wrap_command "$1")" "$terminal_plain"
}

# A line of a list of things to type: what it is for, above it.
suggest() { # PURPOSE COMMAND LINE
    terminal_measure
    printf '  %s# %s%s\n' "$terminal_faint" "$1" "$terminal_plain"
    printf '  %s%s%s\n' "$terminal_cyan" "$(terminal_wrap_command "$2")" "$terminal_plain"
}

# A word the way a person would type it.
quoted() { # WORD
    if [[ $1 =~ ^[A-Za-z0-9_./:=@%+,-]+$ ]]; then
        printf '%s' "$1"
    elif [[ $1 =~ [\"\$\`\\!] ]]; then
        printf '%s' "${1@Q}"
    else
        printf '"%s"' "$1"
    fi
}

typed() { # WORD...
    local word line=''
    for word; do line+=" $(quoted "$word")"; done
    printf '%s' "${line# }"
}

run() { # COMMAND...
    print_command "$(typed "$@")"
    "$@"
}

duration() { # MICROSECONDS
    local tenths=$(($1 / 100000))
    if ((tenths < 100)); then
        printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
    elif ((tenths < 600)); then
        printf '%d s' $((tenths / 10))
    else
        printf '%d min %02d s' $((tenths / 600)) $((tenths / 10 % 60))
    fi
}

# What is going on, for how long, and the last line of the log.
terminal_spin() { # LABEL LOG
    local label=$1 log=$2 began=$SECONDS turn=0 text
    # Some commands, apt-get for one, put things in order before they end.
    trap 'label="Ending, as soon as it is safe: $1"' INT
    printf '\e[?25l'
    while kill -0 $$ 2>/dev/null; do
        if ((turn % 10 == 0)); then terminal_measure; fi
        text="$label  $((SECONDS - began)) s"
        printf '\r%s%s%s %s' "$terminal_cyan" "${terminal_frames[turn % ${#terminal_frames[@]}]}" "$terminal_plain" "$text"
        terminal_spin_end $((terminal_columns - ${#text} - 7)) "$log"
        turn=$((turn + 1))
        sleep 0.1
    done
}

terminal_spin_end() { # ROOM LOG
    local line=''
    if (($1 >= 10)); then
        line=$(tail -n 1 "$2" 2>/dev/null | tr -cd '[:print:]')
        line=${line:0:$1}
    fi
    printf '%s%s%s\e[K' "$terminal_faint" "${line:+  $line}" "$terminal_plain"
}

# Runs what takes long, its output into a log. The command runs in the foreground, so that Ctrl-C reaches it.
task() { # LABEL LOG COMMAND...
    local label=$1 log=$2 code=0 began=${EPOCHREALTIME/[.,]/} took
    shift 2
    : >"$log"
    if [[ -n $terminal_moves ]]; then
        terminal_spin "$label" "$log" &
        terminal_spinner=$!
    fi
    # In a subshell: a trap of this one is not to print into the log.
    ("$@") </dev/null >"$log" 2>&1 || code=$?
    terminal_close
    took=$(duration $((${EPOCHREALTIME/[.,]/} - began)))
    if ((code == 0)); then
        printf '%s%s%s %s (%s)\n' "$terminal_green" "$terminal_tick" "$terminal_plain" "$label" "$took"
    elif ((code <= 128)); then
        printf '%s%s%s %s (%s); its output ends so:\n\n' "$terminal_red" "$terminal_cross" "$terminal_plain" "$label" "$took"
        # Without the depths of a Java stack. Long lines stay whole: there may be something in them to copy.
        { grep -v $'^\tat ' "$log" || true; } | tail -n 20
        printf '\nAll of it is in %s\n' "$log"
    fi
    return "$code"
}

run_task() { # LABEL LOG COMMAND...
    print_command "$(typed "${@:3}")"
    task "$@"
}

# Never where nobody could press a key.
pause() {
    [[ -n $terminal_moves && -t 0 ]] || return 0
    printf '\n%sEnter goes on, Ctrl-C ends.%s ' "$terminal_faint" "$terminal_plain"
    read -r || true
    printf '\e[2A\r\e[J'
}
