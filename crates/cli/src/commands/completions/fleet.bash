# Completes the words of `fleet`, by asking it. Bash takes a word with one of COMP_WORDBREAKS in it,
# such as `roster::secret` or `class=code`, for several words and replaces only the last of them: the
# parts are put together for the question, and what stands before the last is cut off the answers.
_fleet_complete() {
    local line=${COMP_LINE:0:COMP_POINT}
    local words=() index=-1 part at
    for ((at = 0; at <= COMP_CWORD; at++)); do
        part=${COMP_WORDS[at]}
        # The last part ends at the cursor.
        if ((at == COMP_CWORD)); then
            part=${line#"${line%%[![:space:]]*}"}
        fi
        if ((at == 0)) || [[ $line == [[:space:]]* ]]; then
            index=$((index + 1))
            words[index]=
            line=${line#"${line%%[![:space:]]*}"}
        fi
        words[index]+=$part
        line=${line#"$part"}
    done

    local before=${words[index]%"$2"} IFS=$'\013'
    COMPREPLY=($(_CLAP_IFS=$IFS _CLAP_COMPLETE_INDEX=$index FLEET_COMPLETE=bash \
        "${1/#\~/$HOME}" -- "${words[@]}" 2>/dev/null))
    COMPREPLY=("${COMPREPLY[@]#"$before"}")
    # Where a word goes on, no blank follows it.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/:] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

if ((BASH_VERSINFO[0] > 4 || BASH_VERSINFO[0] == 4 && BASH_VERSINFO[1] >= 4)); then
    complete -o bashdefault -o nosort -F _fleet_complete fleet
else
    complete -o bashdefault -F _fleet_complete fleet
fi
