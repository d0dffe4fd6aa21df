# Readline splits words at '=': --output=js arrives as three of them.
_esmigrate() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[0]##*/}
    COMPREPLY=()
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if [[ $command == esmigrate ]]; then
        if ((COMP_CWORD == 1)); then
            mapfile -t COMPREPLY < <(compgen -W "$_esmigrate_commands --help --version" -- "$word")
            return
        fi
        command=${COMP_WORDS[1]}
    fi
    if _esmigrate_values "$before" "$word"; then return; fi
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_esmigrate_options "$command")" -- "$word")
    elif [[ $_esmigrate_named == *" $command "* ]]; then
        mapfile -t COMPREPLY < <(_esmigrate_masters "$word")
    fi
}

# The declared ones: nothing is asked of a server while somebody types.
_esmigrate_masters() { # WORD
    local folder
    for folder in "${ESMIGRATE_INDEXES:-indexes}/$1"*/; do
        if [[ -d $folder ]]; then basename "$folder"; fi
    done
}

# shellcheck disable=SC2086 # one word each
complete -F _esmigrate esmigrate $_esmigrate_commands
