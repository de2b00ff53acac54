folders { exclude = ["^B"] }
