package config

import "errors"

// Headings gives the headings of a users file, however a spreadsheet has saved it; for those who propose a columns block.
// The error is a sentence for people.
func Headings(path string) ([]string, error) {
	src, err := readLimited(path, maxUsersFile)
	if err != nil {
		return nil, errors.New(fileTrouble(err))
	}
	t, errs := readTable(path, src, isKnown(knownColumns()))
	if t == nil || t.headings == nil {
		for _, e := range errs {
			return nil, errors.New(e.summary)
		}
		return nil, errors.New("the file is empty")
	}
	return t.headings, nil
}
