pass "prestage" {}
